// The gradient checker is tested before any gradient is checked with it.
#include "gradcheck.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace handgrad::test;

namespace {
const std::vector<double> kGradient = {0.5, -2, 3e-4, 7};
}

TEST_CASE("complex_step_gradient is exact to a few units in the last place") {
    const RealTensor x(1, 3, {0.3, -1.7, 2.5});
    const RealTensor gradient = complex_step_gradient(
        [](const ComplexTensor& t) { return std::exp(t[0]) * std::sin(t[1]) + t[2] * t[2] * t[0]; },
        x);
    const std::vector<double> want = {std::exp(0.3) * std::sin(-1.7) + 2.5 * 2.5,
                                      std::exp(0.3) * std::cos(-1.7), 2 * 2.5 * 0.3};
    CHECK(near_elements(gradient.data, want,
                        [&](std::size_t i) { return 8 * 0x1p-53 * std::abs(want[i]); }));
}

TEST_CASE("complex_step_backward weighs the outputs with dy") {
    const RealTensor x(1, 2, {3, 5}), dy(1, 2, {10, -1});
    const RealTensor dx = complex_step_backward(
        [](const ComplexTensor& t) {
            return ComplexTensor(1, 2, {t[0] * t[1], t[0] + t[1] * t[1]});
        },
        x, dy);
    // y0 = x0 x1, y1 = x0 + x1^2
    CHECK(near_elements(dx.data, std::vector<double>{10 * 5 - 1, 10 * 3 - 2 * 5},
                        [](std::size_t) { return 1e-13; }));
}

TEST_CASE("gradients_agree passes equal gradients and refuses a slightly wrong one") {
    CHECK(gradients_agree(kGradient, kGradient));
    CHECK(gradients_agree(std::vector<double>{0.5, -2, 3e-4 * (1 + 5e-11), 7}, kGradient));
    CHECK_FALSE(gradients_agree(std::vector<double>{0.5, -2, 3e-4 * (1 + 2e-10), 7}, kGradient));
}

TEST_CASE("gradients_agree refuses a negated, a doubled and a missing value") {
    CHECK_FALSE(gradients_agree(std::vector<double>{0.5, 2, 3e-4, 7}, kGradient));
    CHECK_FALSE(gradients_agree(std::vector<double>{0.5, -4, 3e-4, 7}, kGradient));
    CHECK_FALSE(gradients_agree(std::vector<double>{0.5, -2, 0, 7}, kGradient));
    CHECK_FALSE(gradients_agree(std::vector<double>{0.5, -2, 3e-4}, kGradient));
    CHECK_FALSE(gradients_agree(kGradient, std::vector<double>{0.5, -2, 3e-4}));
    CHECK_FALSE(gradients_agree(std::vector<double>{-0.5, 2, -3e-4, -7}, kGradient));
    CHECK_FALSE(gradients_agree(std::vector<double>(4), kGradient));
    CHECK_FALSE(gradients_agree(std::vector<double>{}, kGradient));
    CHECK_FALSE(gradients_agree(kGradient, kGradient, std::nan("")));
}

TEST_CASE("gradients_agree refuses one wrong element among many, however small the element") {
    std::vector<double> expected(1000, 1.0);
    expected[400] = 1e-6;
    std::vector<double> analytic = expected;
    analytic[400] = 2e-6;
    CHECK_FALSE(gradients_agree(analytic, expected));
}

TEST_CASE("gradients_agree refuses NaN and infinity on either side") {
    for (const double bad : std::initializer_list<double>{NAN, INFINITY, -INFINITY}) {
        const std::vector<double> one_bad = {0.5, -2, bad, 7};
        CHECK_FALSE(gradients_agree(one_bad, kGradient));
        CHECK_FALSE(gradients_agree(kGradient, one_bad));
        CHECK_FALSE(gradients_agree(one_bad, one_bad));
        // A later good element must not paint over the NaN.
        CHECK_FALSE(worst_relative_error(one_bad, kGradient) <= 1e300);
    }
}

TEST_CASE("gradients_agree mistrusts a test whose expected values are nearly all zero") {
    const std::vector<double> zeros(20);
    CHECK_FALSE(gradients_agree(zeros, zeros));
    CHECK(gradients_agree(zeros, zeros).message.find("mistrusted") == 0);
    CHECK_FALSE(gradients_agree(std::vector<double>{}, std::vector<double>{}));

    std::vector<double> few = zeros;
    few[3] = 1;
    CHECK_FALSE(gradients_agree(few, few));  // 95 % zero
    few[4] = few[5] = 1;
    CHECK(gradients_agree(few, few));  // 85 % zero
}
