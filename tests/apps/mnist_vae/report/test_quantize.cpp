#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "../../../../apps/mnist_vae/report/quantize.hpp"
#include "../../../../core/matrix.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;

TEST_CASE("quantize: rows are those of files, and each has its own scale") {
    Matrix weight(3, 2);  // (in, out)
    const float columns[2][3] = {{127, -63.5f, 0.4f}, {0.5f, 1, -2}};
    for (Index out = 0; out < 2; ++out)
        for (Index in = 0; in < 3; ++in) weight(in, out) = columns[out][in];
    const QuantizedWeight q = quantize(weight);
    CHECK(q.rows == 2);
    CHECK(q.cols == 3);
    CHECK(q.scales == std::vector<float>{1, 2.0f / 127});
    // Halves go to the even number.
    CHECK(q.integers == std::vector<std::int8_t>{127, -64, 0, 32, 64, -127});
}

TEST_CASE("quantize: what is read back differs by half a step at most") {
    Matrix weight(257, 33), back(257, 33);
    for (Index i = 0; i < weight.rows(); ++i)
        for (Index j = 0; j < weight.cols(); ++j)
            weight(i, j) = std::sin(float(7 * i + 13 * j)) * std::exp2(float(j - 16));
    const QuantizedWeight q = quantize(weight);
    dequantize(q, back);
    double largest = 0;
    for (Index j = 0; j < weight.cols(); ++j)
        for (Index i = 0; i < weight.rows(); ++i) {
            const double step = double(q.scales[std::size_t(j)]);
            const double error = std::abs(double(weight(i, j)) - double(back(i, j)));
            // Half a step, and the rounding of 127 steps to a float.
            CHECK(error <= step * (0.5 + 127 * 0x1p-24));
            largest = std::max(largest, error / step);
        }
    // The bound is nearly reached: the numbers are not simply copied.
    CHECK(largest > 0.45);
}

TEST_CASE("quantize: zeros, and the smallest and largest numbers") {
    Matrix weight(2, 4), back(2, 4);
    const float tiny = std::numeric_limits<float>::denorm_min();
    const float huge = std::numeric_limits<float>::max();
    for (Index i = 0; i < 2; ++i) {
        weight(i, 0) = 0;
        weight(i, 1) = i == 0 ? tiny : -tiny;  // whose scale is 0
        weight(i, 2) = i == 0 ? huge : -huge;
        weight(i, 3) = (i == 0 ? 200 : 1) * tiny;  // whose scale is rounded up
    }
    const QuantizedWeight q = quantize(weight);
    dequantize(q, back);
    for (Index i = 0; i < 2; ++i) {
        CHECK(back(i, 0) == 0);
        CHECK(back(i, 1) == 0);
        CHECK(std::isfinite(back(i, 2)));
        CHECK(std::abs(back(i, 2) - weight(i, 2)) <= huge * 1e-6f);
        CHECK(std::abs(back(i, 3) - weight(i, 3)) <= 254 * tiny);
    }
}
