// What runs the files, and checks them as a whole, is tests/scripts/full/check_interchange.sh.
#include "../../../core/io/onnx.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "../../../core/error.hpp"
#include "../../golden/interchange.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

// WEIGHT of make_interchange.py, which is (out, in) there and (in, out) here.
Matrix golden_weight() {
    Matrix m(3, 2);
    const float values[3][2] = {{0.5f, 3}, {-1.25f, 1e-3f}, {2, -7}};
    for (Index i = 0; i < 3; ++i) std::copy_n(values[i], 2, m.row(i));
    return m;
}

}  // namespace

TEST_CASE("OnnxGraph writes the bytes that the package onnx writes") {
    Matrix bias(1, 2);
    bias(0, 0) = 0.125f;
    bias(0, 1) = -2;
    OnnxGraph graph("small");
    graph.add_input("x", 3);
    graph.add_dense("layer", golden_weight(), bias, "x", "product");
    graph.add_elementwise("Relu", "product", "y");
    graph.add_clip(0, 1, "y", "cut");
    graph.add_output("y", 2);
    graph.add_output("cut", 2);
    CHECK(to_hex(graph.serialize({.producer_version = "1.2.3",
                                  .doc_string = "a test",
                                  .metadata = {{"image_rows", "1"}, {"image_cols", "28"}}})) ==
          golden_hex("onnx"));
}

TEST_CASE("OnnxGraph refuses a bias of another size than the weight has columns") {
    OnnxGraph graph("small");
    CHECK_THROWS_AS(graph.add_dense("layer", golden_weight(), Matrix(1, 3), "x", "y"), Error);
    CHECK_THROWS_AS(graph.add_dense("layer", golden_weight(), Matrix(2, 2), "x", "y"), Error);
}
