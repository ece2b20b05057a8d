#include "../../../core/io/npy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "../../../core/error.hpp"
#include "../../golden/interchange.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

// As in make_interchange.py; between the rows is NaN.
Matrix golden_weight() {
    Matrix m(2, 3);
    const float values[2][3] = {{0.5f, -1.25f, 2}, {3, 1e-3f, -7}};
    for (Index i = 0; i < 2; ++i) {
        std::fill_n(m.row(i), m.ld(), std::nanf(""));
        std::copy_n(values[i], 3, m.row(i));
    }
    return m;
}

std::string refusal(auto call) {
    try {
        call();
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::argument);
        return error.what();
    }
    return "accepted";
}

std::string refused_shape(Index rows, Index cols, std::vector<Index> shape) {
    return refusal([&] { serialize_npy(Matrix(rows, cols), shape); });
}

}  // namespace

TEST_CASE("serialize_npy writes the bytes that numpy.save writes") {
    const Index two_three[] = {2, 3}, images[] = {2, 1, 3, 2};
    CHECK(to_hex(serialize_npy(golden_weight(), two_three)) == golden_hex("npy_matrix"));

    Matrix quarters(2, 6);
    for (Index i = 0; i < 2; ++i)
        for (Index j = 0; j < 6; ++j) quarters(i, j) = static_cast<float>(6 * i + j) / 4;
    CHECK(to_hex(serialize_npy(quarters, images)) == golden_hex("npy_images"));

    const std::int32_t labels[] = {7, -1};
    const Matrix mu = golden_weight();
    const NpyField fields[] = {{.name = "label", .integers = labels}, {.name = "mu", .values = mu}};
    CHECK(to_hex(serialize_npy(fields)) == golden_hex("npy_structured"));
}

TEST_CASE("serialize_npy: data begin at a multiple of 64 bytes, whatever the header's length") {
    // Names of these lengths move the end of the header over more than 64 places.
    const std::int32_t labels[] = {1};
    for (std::size_t length = 1; length <= 70; ++length) {
        const NpyField fields[] = {{.name = std::string(length, 'a'), .integers = labels}};
        const std::vector<std::byte> bytes = serialize_npy(fields);
        CHECK(bytes.size() % 64 == sizeof(std::int32_t));
        const std::size_t data = bytes.size() - sizeof(std::int32_t);
        CHECK(bytes[data - 1] == std::byte{'\n'});
        CHECK(static_cast<std::size_t>(bytes[8]) + 256 * static_cast<std::size_t>(bytes[9]) + 10 ==
              data);
    }
}

TEST_CASE("serialize_npy: shapes as Python writes them") {
    const auto header = [](std::vector<Index> shape) {
        const std::vector<std::byte> bytes = serialize_npy(Matrix(1, 6), shape);
        const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        const std::size_t from = text.find("'shape': ") + 9;
        return text.substr(from, text.find(", }") - from);
    };
    CHECK(header({6}) == "(6,)");
    CHECK(header({6, 1}) == "(6, 1)");
    CHECK(header({1, 2, 3}) == "(1, 2, 3)");
}

TEST_CASE("serialize_npy refuses shapes of another size") {
    CHECK(refused_shape(2, 3, {6}) == "accepted");
    CHECK(refused_shape(2, 3, {2, 2}) ==
          "serialize_npy: a shape of another size: found (2, 2), expected 2 x 3");
    CHECK(refused_shape(2, 3, {7}).ends_with("expected 2 x 3"));
    CHECK(refused_shape(2, 3, {6, 0}).ends_with("expected 2 x 3"));
    CHECK(refused_shape(2, 3, {-2, -3}).ends_with("expected 2 x 3"));
    CHECK(refused_shape(2, 3, {Index{1} << 33, Index{1} << 33}).ends_with("expected 2 x 3"));
    CHECK(refused_shape(0, 3, {0, 3}).ends_with("expected 0 x 3"));
    CHECK(refused_shape(2, 3, {}).ends_with("found (), expected 2 x 3"));
}

TEST_CASE("serialize_npy refuses fields that do not fit together") {
    const std::int32_t labels[] = {7, -1, 3};
    const Matrix mu = golden_weight();
    const auto refused = [](std::span<const NpyField> fields) {
        return refusal([&] { serialize_npy(fields); });
    };
    CHECK(refused({}) == "serialize_npy: no fields");
    const NpyField longer[] = {{.name = "mu", .values = mu}, {.name = "label", .integers = labels}};
    CHECK(refused(longer) == "serialize_npy: the length of field label: found 3, expected 2");
    for (const char* name : {"", "1a", "a'b", "a b", "\xc3\xa4"}) {
        const NpyField odd[] = {{.name = name, .values = mu}};
        CHECK(refused(odd).starts_with("serialize_npy: the name of a field"));
    }
    const NpyField long_name[] = {{.name = std::string(66'000, 'a'), .values = mu}};
    CHECK(refused(long_name).starts_with("serialize_npy: the header is too long: found 66"));
}
