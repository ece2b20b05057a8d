#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "../../core/error.hpp"
#include "../../core/random.hpp"
#include "../../layers/initializers.hpp"
#include "../support/convert.hpp"

using namespace handgrad;

namespace {

struct Range {
    double low = 1e30, high = -1e30, mean = 0, square = 0;
};

Range range_of(ConstMatrixView m) {
    Range r;
    for (Index i = 0; i < m.rows; ++i)
        for (Index j = 0; j < m.cols; ++j) {
            r.low = std::min(r.low, double(m(i, j)));
            r.high = std::max(r.high, double(m(i, j)));
            r.mean += m(i, j) / double(m.rows * m.cols);
            r.square += m(i, j) * m(i, j) / double(m.rows * m.cols);
        }
    return r;
}

}  // namespace

TEST_CASE("initialisers fill their interval evenly, and only torch's gives biases") {
    struct Expected {
        Initializer initializer;
        double limit;
    };
    for (Expected e : {Expected{Initializer::glorot, std::sqrt(6.0 / (300 + 200))},
                       {Initializer::he, std::sqrt(6.0 / 300)},
                       {Initializer::torch, 1 / std::sqrt(300.0)}}) {
        Matrix w(300, 200), b(1, 200);
        test::fill(b, 7);
        initialize(e.initializer, 11, 0, w, b);
        const Range r = range_of(w);
        const double n = 300 * 200, a = e.limit;
        // Of n uniform numbers the extremes are within 20 a / n of the ends but for e^-10.
        CHECK(r.low >= -a * (1 + 1e-6));
        CHECK(r.high <= a * (1 + 1e-6));
        CHECK(r.low <= -a + 20 * a / n);
        CHECK(r.high >= a - 20 * a / n);
        // Five standard deviations of the mean and of the mean square.
        CHECK(std::abs(r.mean) <= 5 * a / std::sqrt(3 * n));
        CHECK(std::abs(r.square - a * a / 3) <= 5 * a * a * std::sqrt(4.0 / 45 / n));
        const Range bias = range_of(b);
        if (e.initializer == Initializer::torch) {
            CHECK(bias.low < -0.9 * a);
            CHECK(bias.high > 0.9 * a);
        } else {
            CHECK(bias.low == 0);
            CHECK(bias.high == 0);
        }
    }
}

TEST_CASE("lecun: a normal distribution without its tails, of variance 1 / fan_in") {
    Matrix w(300, 200), b(1, 200);
    test::fill(b, 7);
    initialize(Initializer::lecun, 11, 0, w, b);
    const Range r = range_of(w);
    const double n = 300 * 200, variance = 1 / 300.0;
    // N(0, 1) between -2 and 2 has this variance (its tails' share worked out by erf and exp).
    const double density = std::exp(-2.0) / std::sqrt(2 * 3.14159265358979);
    const double inside = std::erf(2 / std::sqrt(2.0));
    const double cut = 2 * std::sqrt(variance / (1 - 4 * density / inside));
    CHECK(r.low >= -cut * (1 + 1e-6));
    CHECK(r.high <= cut * (1 + 1e-6));
    CHECK(r.low <= -0.999 * cut);
    CHECK(r.high >= 0.999 * cut);
    CHECK(std::abs(r.mean) <= 5 * std::sqrt(variance / n));
    CHECK(std::abs(r.square - variance) <= 5 * variance * std::sqrt(2 / n));
    // As many within half of the cut as the normal distribution has there.
    Index near = 0;
    for (Index i = 0; i < 300; ++i)
        for (Index j = 0; j < 200; ++j) near += std::abs(w(i, j)) < cut / 2;
    const double share = std::erf(1 / std::sqrt(2.0)) / inside;
    CHECK(std::abs(double(near) / n - share) <= 5 * std::sqrt(share * (1 - share) / n));
    CHECK(range_of(b).low == 0);
    CHECK(range_of(b).high == 0);
}

TEST_CASE("initial weights depend on the seed and the tensor's number, and on nothing else") {
    Matrix w(20, 30), again(20, 30), other_seed(20, 30), other_tensor(20, 30), b(1, 30);
    initialize(Initializer::he, 1, 4, w, b);
    initialize(Initializer::he, 1, 4, again, b);
    initialize(Initializer::he, 2, 4, other_seed, b);
    initialize(Initializer::he, 1, 6, other_tensor, b);
    Index same = 0, same_seed = 0, same_tensor = 0;
    for (Index i = 0; i < 20; ++i)
        for (Index j = 0; j < 30; ++j) {
            same += w(i, j) == again(i, j);
            same_seed += w(i, j) == other_seed(i, j);
            same_tensor += w(i, j) == other_tensor(i, j);
        }
    CHECK(same == 600);
    CHECK(same_seed < 3);
    CHECK(same_tensor < 3);
    // A bias has a number of its own, the one after its weight's.
    Matrix bias(1, 30), numbers(1, 30);
    initialize(Initializer::torch, 1, 4, w, bias);
    const float a = static_cast<float>(1 / std::sqrt(20.0));
    fill_uniform(1, Purpose::initial_weights, 0, 5, -a, a, numbers);
    for (Index j = 0; j < 30; ++j) CHECK(bias(0, j) == numbers(0, j));
    Matrix narrow(1, 29);
    CHECK_THROWS_AS(initialize(Initializer::he, 1, 0, w, narrow), Error);
}
