#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "../../core/error.hpp"
#include "../../core/ops.hpp"
#include "../../core/parallel.hpp"
#include "../../core/reference_objectives.hpp"
#include "../../losses/bce.hpp"
#include "../../losses/free_bits.hpp"
#include "../../losses/importance_weighted.hpp"
#include "../../losses/kl_divergence.hpp"
#include "../support/convert.hpp"
#include "../support/each_isa.hpp"
#include "../support/gradcheck.hpp"
#include "../support/near.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

constexpr double kGradientTolerance = 1e-6;

// Samples of `images` images whose reconstruction losses lie some nats apart.
struct Samples {
    Samples(Index images, Index k, Index latent)
        : images(images),
          k(k),
          mu(random_matrix(images * k, latent, 1, -2, 2)),
          logvar(random_matrix(images * k, latent, 2, -3, 1)),
          noise(random_matrix(images * k, latent, 3, -2, 2)),
          deviation(images * k, latent),
          z(images * k, latent) {
        for (Index row = 0; row < images * k; ++row) {
            recon.push_back(80 + 3 * std::sin(double(row)));
            for (Index j = 0; j < latent; ++j) {  // one posterior for each image
                mu(row, j) = mu(row / k * k, j);
                logvar(row, j) = logvar(row / k * k, j);
                deviation(row, j) = std::exp(logvar(row, j) / 2) * noise(row, j);
                z(row, j) = mu(row, j) + deviation(row, j);
            }
        }
    }
    ImportanceSamples given(std::vector<double>& losses) {
        losses = recon;
        return {k, losses, z, noise, deviation, logvar};
    }

    Index images, k;
    Matrix mu, logvar, noise, deviation, z;
    std::vector<double> recon;
};

// The bound as a function of mu and logvar of every sample, with reconstruction losses that do not
// move: what is left is what the loss computes the gradient of.
template <class T>
T bound(const Samples& s, const reference::Tensor<T>& mu, const reference::Tensor<T>& logvar) {
    reference::Tensor<T> noise(mu.rows, mu.cols);
    for (std::size_t e = 0; e < noise.size(); ++e)
        noise[e] = T(double(s.noise(Index(e) / mu.cols, Index(e) % mu.cols)));
    const auto z = reference::reparameterize(mu, logvar, noise);
    T sum(0);
    for (Index i = 0; i < s.images; ++i) {
        std::vector<T> logs;
        for (Index row = i * s.k; row < (i + 1) * s.k; ++row)
            logs.push_back(reference::log_weight(T(s.recon[std::size_t(row)]), z.row(row),
                                                 noise.row(row), logvar.row(row), mu.cols));
        sum += reference::weigh_samples(logs).loss;
    }
    return sum / T(double(s.images));
}

}  // namespace

TEST_CASE("importance weighted bound: value and gradients against complex steps") {
    for (Index k : {1, 2, 7, 50})
        for (Index latent : {1, 3, 20}) {
            Samples s(4, k, latent);
            s.logvar(0, 0) = 21;  // clamped: no gradient
            for (Index row = 0; row < k; ++row) s.logvar(row, 0) = 21;
            for (Index row = 0; row < k; ++row) {
                s.deviation(row, 0) = float(std::exp(10.0)) * s.noise(row, 0) * 1e-4f;
                s.noise(row, 0) *= 1e-4f;
                s.z(row, 0) = s.mu(row, 0) + s.deviation(row, 0);
            }
            const RealTensor mu = to_tensor(s.mu), logvar = to_tensor(s.logvar);
            const double want = bound(s, mu, logvar);
            const RealTensor want_mu = complex_step_gradient(
                [&](const ComplexTensor& m) { return bound(s, m, to_complex(logvar)); }, mu);
            const RealTensor want_logvar = complex_step_gradient(
                [&](const ComplexTensor& l) { return bound(s, to_complex(mu), l); }, logvar);
            for_each_isa([&] {
                CAPTURE(k);
                CAPTURE(latent);
                std::vector<double> losses;
                std::vector<float> shares(std::size_t(4 * k));
                Matrix dmu(4 * k, latent), dlogvar(4 * k, latent);
                const double got =
                    importance_weighted_bound(s.given(losses), 1, shares, dmu, dlogvar);
                CHECK(std::abs(got - want) <= 1e-6 * std::abs(want));
                // z and deviation are rounded to floats, the largest of them by 2^-24 of 22 here.
                CHECK(relative_l2_error(to_tensor(dmu).data, want_mu.data) <=
                      20 * kGradientTolerance);
                CHECK(relative_l2_error(to_tensor(dlogvar).data, want_logvar.data) <=
                      20 * kGradientTolerance);
                CHECK(dlogvar(0, 0) == 0);
                for (Index i = 0; i < 4; ++i) {
                    double sum = 0;
                    for (Index row = i * k; row < (i + 1) * k; ++row)
                        sum += double(shares[std::size_t(row)]);
                    CHECK(std::abs(sum - 1) <= 1e-6);
                }
            });
        }
}

TEST_CASE("importance weighted bound: weight scales the gradient, and equal samples share alike") {
    Samples s(3, 4, 2);
    for (Index row = 0; row < 12; ++row) {
        s.recon[std::size_t(row)] = 50;
        for (Matrix* m : {&s.mu, &s.logvar, &s.noise, &s.deviation, &s.z})
            for (Index j = 0; j < 2; ++j) (*m)(row, j) = (*m)(0, j);
    }
    std::vector<double> losses;
    std::vector<float> shares(12);
    Matrix dmu(12, 2), dlogvar(12, 2), dmu3(12, 2), dlogvar3(12, 2);
    const double one = importance_weighted_bound(s.given(losses), 1, shares, dmu, dlogvar);
    CHECK(importance_weighted_bound(s.given(losses), 3, shares, dmu3, dlogvar3) == one);
    for (float share : shares) CHECK(share == 0.25f);
    for (Index j = 0; j < 2; ++j) {
        CHECK(std::abs(dmu3(5, j) - 3 * dmu(5, j)) <= 1e-6);
        CHECK(std::abs(dlogvar3(5, j) - 3 * dlogvar(5, j)) <= 1e-6);
    }
}

TEST_CASE("importance weighted bound: weights that differ by a thousand nats") {
    Samples s(1, 3, 1);
    s.recon = {2000, 80, 1100};
    std::vector<double> losses;
    std::vector<float> shares(3);
    Matrix dmu(3, 1), dlogvar(3, 1);
    CHECK(std::isfinite(importance_weighted_bound(s.given(losses), 1, shares, dmu, dlogvar)));
    CHECK(shares == std::vector<float>{0, 1, 0});
    s.recon[1] = NAN;
    CHECK(std::isnan(importance_weighted_bound(s.given(losses), 1, shares, dmu, dlogvar)));
}

TEST_CASE("importance weighted bound: what does not fit is refused") {
    Samples s(2, 3, 2);
    std::vector<double> losses;
    std::vector<float> shares(6), few(5);
    Matrix d(6, 2), narrow(6, 1);
    CHECK_THROWS_AS(importance_weighted_bound(s.given(losses), 1, few, d, d), Error);
    CHECK_THROWS_AS(importance_weighted_bound(s.given(losses), 1, shares, narrow, d), Error);
    s.recon.pop_back();
    CHECK_THROWS_AS(find_log_weights(s.given(losses)), Error);
    s.k = 4;
    CHECK_THROWS_AS(importance_weighted_bound(s.given(losses), 1, shares, d, d), Error);
    s.k = 0;
    CHECK_THROWS_AS(importance_weighted_bound(s.given(losses), 1, shares, d, d), Error);
}

TEST_CASE("free bits: latents below the floor cost it and learn nothing") {
    Matrix mu = random_matrix(40, 4, 1, -1, 1), logvar = random_matrix(40, 4, 2, -1, 1);
    for (Index i = 0; i < 40; ++i) mu(i, 1) *= 1e-3f, logvar(i, 1) *= 1e-3f;
    const RealTensor m = to_tensor(mu), l = to_tensor(logvar);
    double want = 0;
    for (Index j = 0; j < 4; ++j)
        want += reference::count_free_bits(reference::kl_of_latent(m, l, j), 0.1);
    for_each_isa([&] {
        Matrix dmu(40, 4), dlogvar(40, 4), dmu_free(40, 4), dlogvar_free(40, 4);
        kl_divergence(mu, logvar, 2, dmu, dlogvar);
        kl_divergence(mu, logvar, 2, dmu_free, dlogvar_free);
        const double counted = apply_free_bits(mu, logvar, 0.1, dmu_free, dlogvar_free);
        CHECK(std::abs(counted - want) <= 1e-6 * want);
        CHECK(apply_free_bits(mu, logvar, 0.1, {}, {}) == counted);
        for (Index i = 0; i < 40; ++i)
            for (Index j = 0; j < 4; ++j) {
                CHECK(dmu_free(i, j) == (j == 1 ? 0 : dmu(i, j)));
                CHECK(dlogvar_free(i, j) == (j == 1 ? 0 : dlogvar(i, j)));
            }
        CHECK(std::abs(apply_free_bits(mu, logvar, 0, {}, {}) -
                       kl_divergence(mu, logvar, 1, {}, {})) <= 1e-6);
    });
    Matrix wrong(40, 3);
    CHECK_THROWS_AS(apply_free_bits(mu, wrong, 0, {}, {}), Error);
    CHECK_THROWS_AS(apply_free_bits(mu, logvar, 0, wrong, wrong), Error);
    CHECK_THROWS_AS(apply_free_bits(Matrix(0, 3), Matrix(0, 3), 0, {}, {}), Error);
}

TEST_CASE("the loss of every image: their mean is the loss, in more digits") {
    const Matrix logits = random_matrix(9, 784, 1, -5, 5), t = random_matrix(9, 784, 2, 0, 1);
    for_each_isa([&] {
        std::vector<double> per_image(9);
        Matrix d(9, 784), d_alone(9, 784);
        const double loss = bce_with_logits(logits, t, d, {.weight = 9, .per_image = per_image});
        const double alone = bce_with_logits(logits, t, d_alone);
        CHECK(std::abs(loss - alone) <= 60 * 0x1p-24 * alone);
        for (Index i = 0; i < 9; ++i) {
            const RealTensor a = to_tensor(logits.view().middle_rows(i, 1));
            const double want =
                reference::bce_with_logits(a, to_tensor(t.view().middle_rows(i, 1)));
            // Sums of 64, of 8 roundings each, a tenth of the terms of a row.
            CHECK(std::abs(per_image[std::size_t(i)] - want) <= 12 * 0x1p-24 * want);
            for (Index j = 0; j < 784; ++j)
                CHECK(std::abs(d(i, j) - 9 * d_alone(i, j)) <= 0x1p-20 * std::abs(d(i, j)));
        }
    });
    std::vector<double> few(8);
    CHECK_THROWS_AS(bce_with_logits(logits, t, {}, {.per_image = few}), Error);
}

TEST_CASE("scale_rows: each row by its factor, and nothing so small that it slows down") {
    for_each_isa([&] {
        Matrix x = random_matrix(3, 37, 1, -1, 1);
        const Matrix before = copy(x);
        const std::vector<float> factors{2, 0, 1e-31f};
        scale_rows(factors, x);
        for (Index j = 0; j < 37; ++j) {
            CHECK(x(0, j) == 2 * before(0, j));
            CHECK(x(1, j) == 0);
            CHECK(x(2, j) == 0);
        }
        CHECK_THROWS_AS(scale_rows({factors.data(), 2}, x), Error);
    });
}
