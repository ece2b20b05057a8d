#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <limits>

#include "../../core/error.hpp"
#include "../../core/parallel.hpp"
#include "../../core/reference_losses.hpp"
#include "../../losses/bce.hpp"
#include "../../losses/continuous_bernoulli.hpp"
#include "../../losses/gaussian.hpp"
#include "../../losses/kl_divergence.hpp"
#include "../../losses/mse.hpp"
#include "../support/convert.hpp"
#include "../support/each_isa.hpp"
#include "../support/gradcheck.hpp"
#include "../support/near.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

// A row of 784 terms is summed in 16 float lanes of 49 and a tree of 4: 53 roundings of 2^-24 at
// worst, and a few for each term.
constexpr double kLossTolerance = 60 * 0x1p-24;
// Element by element: a handful of roundings.
constexpr double kGradientTolerance = 1e-6;

const Index kWidths[] = {1, 2, 15, 16, 17, 100, 784};

}  // namespace

TEST_CASE("bce from logits: loss and gradient against the reference") {
    for (Index width : kWidths) {
        Matrix logits = random_matrix(5, width, 1, -8, 8);
        const Matrix targets = random_matrix(5, width, 2, 0, 1);
        logits(0, 0) = -40;
        logits(1, 0) = 60;
        const RealTensor a = to_tensor(logits), t = to_tensor(targets);
        const double loss = reference::bce_with_logits(a, t);
        const RealTensor gradient = complex_step_gradient(
            [&](const ComplexTensor& moved) {
                return reference::bce_with_logits(moved, to_complex(t));
            },
            a);
        for_each_isa([&] {
            CAPTURE(width);
            Matrix dlogits(5, width);
            fill(dlogits, std::numeric_limits<float>::quiet_NaN());
            const double got = bce_with_logits(logits, targets, dlogits);
            CHECK(std::abs(got - loss) <= kLossTolerance * std::abs(loss));
            CHECK(relative_l2_error(to_tensor(dlogits).data, gradient.data) <= kGradientTolerance);
            CHECK(bce_with_logits(logits, targets, {}) == got);
        });
    }
}

TEST_CASE("bce from logits: known values and extremes") {
    for_each_isa([&] {
        Matrix logits(3, 784), targets = random_matrix(3, 784, 1, 0, 1), dlogits(3, 784);
        CHECK(std::abs(bce_with_logits(logits, targets, dlogits) - 784 * std::log(2.0)) <=
              kLossTolerance * 544);
        logits(0, 5) = 1e30f;
        logits(1, 6) = -1e30f;
        targets(0, 5) = 0.5f;
        targets(1, 6) = 0.0f;
        CHECK(std::isfinite(bce_with_logits(logits, targets, dlogits)));
        CHECK(dlogits(0, 5) == (1 - 0.5f) * (1.0f / 3));
        CHECK(dlogits(1, 6) == 0);
        logits(2, 7) = std::numeric_limits<float>::quiet_NaN();
        CHECK(std::isnan(bce_with_logits(logits, targets, {})));
    });
}

TEST_CASE("bce from probabilities: inside Keras' clip as the reference, outside no gradient") {
    for (Index width : kWidths) {
        Matrix p = random_matrix(4, width, 1, 0.01f, 0.99f);
        const Matrix targets = random_matrix(4, width, 2, 0, 1);
        p(0, 0) = 0.0f;
        p(1, 0) = 1.0f;
        p(2, 0) = 5e-8f;
        const RealTensor tp = to_tensor(p), t = to_tensor(targets);
        for_each_isa([&] {
            CAPTURE(width);
            Matrix dp(4, width);
            const double got = bce_with_probabilities(p, targets, dp);
            // The clip's upper end is 1 - 2^-23 in float: the reference is asked in float there.
            reference::Tensor<float> fp(4, width), ft(4, width);
            for (std::size_t e = 0; e < tp.size(); ++e) {
                fp[e] = float(tp[e]);
                ft[e] = float(t[e]);
            }
            double want = 0;
            for (Index i = 0; i < 4; ++i) {
                reference::Tensor<float> one_p(1, width), one_t(1, width);
                for (Index j = 0; j < width; ++j) {
                    one_p(0, j) = fp(i, j);
                    one_t(0, j) = ft(i, j);
                }
                // The clipped value, then the formula in double.
                for (Index j = 0; j < width; ++j) {
                    const double c = reference::clamp(one_p(0, j), 1e-7, 1 - 1e-7);
                    want -=
                        (one_t(0, j) * std::log(c) + (1 - double(one_t(0, j))) * std::log1p(-c)) /
                        4;
                }
            }
            CHECK(std::abs(got - want) <= kLossTolerance * std::abs(want));
            for (Index i = 0; i < 3; ++i) CHECK(dp(i, 0) == 0);
            const RealTensor gradient = reference::bce_with_probabilities_backward(1.0, tp, t);
            CHECK(relative_l2_error(to_tensor(dp).data, gradient.data) <= kGradientTolerance);
        });
    }
}

TEST_CASE("mse: loss and gradient against the reference") {
    for (Index width : kWidths) {
        const Matrix y = random_matrix(3, width, 1, 0, 1), t = random_matrix(3, width, 2, 0, 1);
        const RealTensor ty = to_tensor(y), tt = to_tensor(t);
        const double loss = reference::mse(ty, tt);
        const RealTensor gradient = complex_step_gradient(
            [&](const ComplexTensor& moved) { return reference::mse(moved, to_complex(tt)); }, ty);
        for_each_isa([&] {
            Matrix dy(3, width);
            CHECK(std::abs(mse(y, t, dy) - loss) <= kLossTolerance * loss);
            CHECK(relative_l2_error(to_tensor(dy).data, gradient.data) <= kGradientTolerance);
        });
    }
}

TEST_CASE("bce with clamped logs: loss and gradient against the reference, ends included") {
    for (Index width : kWidths) {
        Matrix p = random_matrix(4, width, 1, 0.01f, 0.99f);
        const Matrix targets = random_matrix(4, width, 2, 0, 1);
        p(0, 0) = 0.0f;
        p(1, 0) = 1.0f;
        p(2, 0) = 1e-30f;
        const RealTensor tp = to_tensor(p), t = to_tensor(targets);
        const double loss = reference::bce_with_clamped_logs(tp, t);
        const RealTensor gradient = reference::bce_with_clamped_logs_backward(1.0, tp, t);
        for_each_isa([&] {
            Matrix dp(4, width);
            CHECK(std::abs(bce_with_clamped_logs(p, targets, dp) - loss) <= kLossTolerance * loss);
            for (Index i = 0; i < 4; ++i)
                for (Index j = 0; j < width; ++j)
                    CHECK(std::abs(dp(i, j) - gradient(i, j)) <=
                          kGradientTolerance * std::abs(gradient(i, j)));
        });
    }
}

TEST_CASE("continuous Bernoulli: loss and gradient against the reference") {
    for (Index width : kWidths) {
        Matrix logits = random_matrix(5, width, 1, -8, 8);
        const Matrix targets = random_matrix(5, width, 2, 0, 1);
        const float special[] = {0.0f, 1.0f, -1.0001f, 60.0f, 1e-20f};
        for (Index i = 0; i < 5; ++i) logits(i, 0) = special[i];
        const RealTensor a = to_tensor(logits), t = to_tensor(targets);
        const double loss = reference::continuous_bernoulli_nll(a, t);
        double absolute = 0;  // terms of both signs cancel in the sum
        for (std::size_t e = 0; e < a.size(); ++e)
            absolute += 8 * 1.5 / 5 + std::abs(reference::continuous_bernoulli_nll(
                                          RealTensor(1, 1, {a[e]}), RealTensor(1, 1, {t[e]}))) /
                                          5;
        const RealTensor gradient = complex_step_gradient(
            [&](const ComplexTensor& moved) {
                return reference::continuous_bernoulli_nll(moved, to_complex(t));
            },
            a);
        for_each_isa([&] {
            CAPTURE(width);
            Matrix dlogits(5, width);
            const double got = continuous_bernoulli_nll(logits, targets, dlogits);
            CHECK(std::abs(got - loss) <= kLossTolerance * absolute);
            CHECK(relative_l2_error(to_tensor(dlogits).data, gradient.data) <= kGradientTolerance);
            CHECK(continuous_bernoulli_nll(logits, targets, {}) == got);
        });
    }
}

TEST_CASE("gaussian: loss and gradient against the reference; mse is variance 1/2") {
    for (Index width : kWidths) {
        const Matrix y = random_matrix(3, width, 1, -1, 2), t = random_matrix(3, width, 2, 0, 1);
        const RealTensor ty = to_tensor(y), tt = to_tensor(t);
        for (const double variance : {0.5, 0.03}) {
            const double loss = reference::gaussian_nll(ty, tt, variance);
            const RealTensor gradient = complex_step_gradient(
                [&](const ComplexTensor& moved) {
                    return reference::gaussian_nll(moved, to_complex(tt), variance);
                },
                ty);
            for_each_isa([&] {
                Matrix dy(3, width);
                const double squared_error = mse(y, t, {});
                CHECK(std::abs(gaussian_nll(y, t, variance, dy) - loss) <=
                      kLossTolerance * squared_error / (2 * variance));
                CHECK(relative_l2_error(to_tensor(dy).data, gradient.data) <= kGradientTolerance);
            });
        }
    }
    CHECK_THROWS_AS(gaussian_nll(Matrix(1, 1), Matrix(1, 1), 0, {}), Error);
}

TEST_CASE("losses: a reduction scales the gradient and tells every image's loss") {
    const Matrix logits = random_matrix(5, 33, 1, -3, 3), t = random_matrix(5, 33, 2, 0, 1);
    Matrix mean(5, 33), sum(5, 33);
    std::vector<double> each(5);
    const double loss = bce_with_logits(logits, t, mean);
    CHECK(bce_with_logits(logits, t, sum, {.weight = 5, .per_image = each}) == loss);
    double total = 0;
    for (Index i = 0; i < 5; ++i) {
        CHECK(each[std::size_t(i)] ==
              bce_with_logits(logits.view().middle_rows(i, 1), t.view().middle_rows(i, 1), {}));
        total += each[std::size_t(i)];
        for (Index j = 0; j < 33; ++j)
            CHECK(std::abs(sum(i, j) - 5 * mean(i, j)) <= 2 * 0x1p-24 * std::abs(sum(i, j)));
    }
    CHECK(std::abs(total / 5 - loss) <= 4 * 0x1p-52 * loss);
    std::vector<double> four(4);
    CHECK_THROWS_AS(bce_with_logits(logits, t, {}, {.per_image = four}), Error);
    gaussian_nll(logits, t, 0.1, {}, {.per_image = each});
    CHECK(each[2] == doctest::Approx(gaussian_nll(logits.view().middle_rows(2, 1),
                                                  t.view().middle_rows(2, 1), 0.1, {})));
}

TEST_CASE("kl divergence: loss and both gradients against the reference, scaled by the weight") {
    for (Index latent : {1, 2, 20, 33}) {
        const Matrix mu = random_matrix(6, latent, 1, -2, 2);
        Matrix logvar = random_matrix(6, latent, 2, -3, 2);
        logvar(0, 0) = -40;  // clamped
        logvar(1, 0) = 1e-4f;
        const RealTensor m = to_tensor(mu), l = to_tensor(logvar);
        const double kl = reference::kl_divergence(m, l);
        const double weight = 0.7f;
        RealTensor want_mu = complex_step_gradient(
            [&](const ComplexTensor& moved) {
                return weight * reference::kl_divergence(moved, to_complex(l));
            },
            m);
        RealTensor want_logvar = complex_step_gradient(
            [&](const ComplexTensor& moved) {
                return weight * reference::kl_divergence(to_complex(m), moved);
            },
            l);
        for_each_isa([&] {
            CAPTURE(latent);
            Matrix dmu(6, latent), dlogvar(6, latent);
            const double got = kl_divergence(mu, logvar, 0.7f, dmu, dlogvar);
            CHECK(std::abs(got - kl) <= kLossTolerance * kl);
            CHECK(relative_l2_error(to_tensor(dmu).data, want_mu.data) <= kGradientTolerance);
            CHECK(relative_l2_error(to_tensor(dlogvar).data, want_logvar.data) <=
                  kGradientTolerance);
            CHECK(dlogvar(0, 0) == 0);
            CHECK(kl_divergence(mu, logvar, 0.7f, {}, {}) == got);
        });
    }
}

TEST_CASE("kl divergence: zero for the prior itself, and never negative near it") {
    for_each_isa([&] {
        Matrix mu(50, 3), logvar(50, 3);
        CHECK(kl_divergence(mu, logvar, 1, {}, {}) == 0);
        for (Index i = 0; i < 50; ++i) {
            for (Index j = 0; j < 3; ++j)
                logvar(i, j) = (j == 1 ? -1.0f : 1.0f) * std::ldexp(1.0f, -int(i));
            CHECK(kl_divergence(mu.view().middle_rows(i, 1), logvar.view().middle_rows(i, 1), 1, {},
                                {}) >= 0);
        }
    });
}

TEST_CASE("losses: the same bits for any number of threads") {
    const int before = thread_count();
    const Matrix logits = random_matrix(300, 784, 1, -5, 5), t = random_matrix(300, 784, 2, 0, 1);
    set_thread_count(1);
    const double one = bce_with_logits(logits, t, {});
    for (int threads : {2, 3, 7}) {
        set_thread_count(threads);
        CHECK(bce_with_logits(logits, t, {}) == one);
    }
    set_thread_count(before);
}

TEST_CASE("losses: repeating every image changes neither loss nor the sum of gradients") {
    // The mean is over images: a gradient that divided by anything else would show here.
    const Matrix one = random_matrix(1, 20, 1, -2, 2), t = random_matrix(1, 20, 2, 0, 1);
    Matrix two(2, 20), tt(2, 20), d1(1, 20), d2(2, 20);
    for (Index i = 0; i < 2; ++i)
        for (Index j = 0; j < 20; ++j) {
            two(i, j) = one(0, j);
            tt(i, j) = t(0, j);
        }
    CHECK(bce_with_logits(two, tt, d2) == bce_with_logits(one, t, d1));
    for (Index j = 0; j < 20; ++j) CHECK(d2(0, j) + d2(1, j) == d1(0, j));
}

TEST_CASE("losses: shapes that do not fit, and means over nothing, are refused") {
    const Matrix a(2, 3), b(2, 4), none(0, 3);
    Matrix d(3, 3);
    CHECK_THROWS_AS(bce_with_logits(a, b, {}), Error);
    CHECK_THROWS_AS(mse(a, a, d), Error);
    CHECK_THROWS_AS(bce_with_probabilities(none, none, {}), Error);
    CHECK_THROWS_AS(kl_divergence(a, b, 1, {}, {}), Error);
    CHECK_THROWS_AS(kl_divergence(none, none, 1, {}, {}), Error);
}
