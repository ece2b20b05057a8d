#include "numeric_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <utility>

#include "../../../core/error.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

// The position of the first number that is not finite, row by row.
std::optional<std::pair<Index, Index>> find_non_finite(ConstBlockedView m) {
    for (Index i = 0; i < m.rows; ++i)
        for (Index j = 0; j < m.cols; ++j)
            if (!std::isfinite(m(i, j))) return {{i, j}};
    return {};
}

std::string text(float value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.4g", double(value));
    return digits;
}

// "weight in [-0.1, 3e+38]", or the first of its numbers that is not finite.
std::string range(const char* name, ConstBlockedView m) {
    if (const auto place = find_non_finite(m))
        return std::string(name) + " with a " + text(m(place->first, place->second));
    float low = std::numeric_limits<float>::infinity(), high = -low;
    for (Index i = 0; i < m.rows; ++i)
        for (Index j = 0; j < m.cols; ++j) {
            low = std::min(low, m(i, j));
            high = std::max(high, m(i, j));
        }
    return std::string(name) + " in [" + text(low) + ", " + text(high) + "]";
}

[[noreturn]] void refuse(const std::string& where, const std::string& what,
                         std::pair<Index, Index> place, float found, const std::string& inputs) {
    throw Error(ErrorKind::numeric, where,
                what + " [" + std::to_string(place.first) + ", " + std::to_string(place.second) +
                    "] is not finite; it is made of " + inputs,
                text(found), "finite numbers; a smaller --lr or --clip-norm may help");
}

}  // namespace

void check_forward(Vae& model, const std::string& where) {
    for (const LayerView& layer : model.layers()) {
        const auto place = find_non_finite(layer.output);
        if (!place) continue;
        const auto [image, unit] = *place;
        std::string inputs = range("x", layer.input.middle_rows(image, 1));
        if (!layer.weight.empty())
            inputs += ", " + range("weights", layer.weight.middle_cols(unit, 1)) + " and " +
                      range("a bias", layer.bias.middle_cols(unit, 1));
        refuse(where, "output of " + layer.name, *place, layer.output(image, unit), inputs);
    }
}

void check_gradients(Vae& model, const std::string& where) {
    const std::vector<NamedTensor> gradients = model.tensors(model.arena().gradients());
    const std::vector<NamedTensor> values = model.tensors(model.arena().values());
    for (std::size_t t = gradients.size(); t-- > 0;)
        if (const auto place = find_non_finite(gradients[t].values)) {
            std::string inputs = range("values", values[t].values);
            for (const LayerView& layer : model.layers())
                if (gradients[t].name.starts_with(layer.name + "."))
                    inputs = range("x", layer.input) + ", " + range("y", layer.output) + " and " +
                             range("weights", layer.weight);
            refuse(where, "gradient of " + gradients[t].name, *place,
                   gradients[t].values(place->first, place->second), inputs);
        }
}

void check_update(Vae& model, Optimizer& optimizer, const std::string& where) {
    const std::vector<NamedTensor> values = model.tensors(model.arena().values());
    for (std::size_t t = 0; t < values.size(); ++t)
        if (const auto place = find_non_finite(values[t].values)) {
            const auto [i, j] = *place;
            std::string inputs =
                "a gradient of " + text(model.tensors(model.arena().gradients())[t].values(i, j));
            for (const Optimizer::Buffer& buffer : optimizer.state())
                inputs +=
                    ", " + buffer.name + " = " + text(model.tensors(buffer.values)[t].values(i, j));
            refuse(where, "new value of " + values[t].name, *place, values[t].values(i, j), inputs);
        }
}

void check_state(Vae& model, Optimizer& optimizer, const std::string& where) {
    const auto check = [&](std::span<float> flat, const std::string& kind) {
        for (const NamedTensor& t : model.tensors(flat))
            if (const auto place = find_non_finite(t.values))
                throw Error(ErrorKind::numeric, where, "training left the finite numbers",
                            kind + t.name + " = " + text(t.values(place->first, place->second)),
                            "finite numbers; a smaller --lr or --clip-norm may help");
    };
    check(model.arena().values(), "");
    for (const Optimizer::Buffer& buffer : optimizer.state())
        check(buffer.values, buffer.name + " of ");
}

void check_result(const std::string& model, const std::string& what, ConstMatrixView values) {
    for (Index i = 0; i < values.rows; ++i)
        for (Index j = 0; j < values.cols; ++j)
            if (!std::isfinite(values(i, j))) check_result(model, what, double(values(i, j)));
}

void check_result(const std::string& model, const std::string& what, double value) {
    if (!std::isfinite(value))
        throw Error(ErrorKind::numeric, model, what + " is not finite", text(float(value)),
                    "weights that give finite numbers");
}

}  // namespace handgrad::apps::mnist_vae
