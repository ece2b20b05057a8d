#include "op_text.hpp"

#include <charconv>
#include <cstdio>

#include "error.hpp"

namespace handgrad {

std::string op_name(const OpCall& call) {
    return call.sink[0] == '\0' ? call.op : std::string(call.op) + "+" + call.sink;
}

std::string op_shape(const OpCall& call) {
    std::string text = std::to_string(call.m) + "x" + std::to_string(call.n);
    if (call.k > 0) text += "x" + std::to_string(call.k);
    return text;
}

std::string op_text(const OpCall& call) {
    std::string text = op_name(call) + ":" + op_shape(call);
    if (call.density != 1) {
        char density[16];
        std::snprintf(density, sizeof density, ":%.3f", call.density);
        text += density;
    }
    return text;
}

OpShape parse_op_text(const std::string& text) {
    const auto bad = [&] {
        return Error(ErrorKind::argument, "op", "not an op and its shape", "'" + text + "'",
                     "such as gemm_nn:128x512x784 or sparse_gemm_nn:128x512x784:0.19");
    };
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || colon == 0) throw bad();
    OpShape shape{.op = text.substr(0, colon)};
    const char* at = text.data() + colon + 1;
    const char* const end = text.data() + text.size();
    Index* const sizes[] = {&shape.m, &shape.n, &shape.k};
    int count = 0;
    for (bool more = true; more && count < 3; ++count) {
        const auto [rest, error] = std::from_chars(at, end, *sizes[count]);
        if (error != std::errc() || *sizes[count] < 1 || *sizes[count] > 1 << 20) throw bad();
        at = rest;
        more = at != end && *at == 'x';
        if (more) ++at;
    }
    if (count < 2) throw bad();
    if (at != end && *at == ':') {
        const auto [rest, error] = std::from_chars(at + 1, end, shape.density);
        if (error != std::errc() || !(shape.density >= 0 && shape.density <= 1)) throw bad();
        at = rest;
    }
    if (at != end) throw bad();
    return shape;
}

}  // namespace handgrad
