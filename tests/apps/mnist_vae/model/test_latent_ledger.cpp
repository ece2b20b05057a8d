#include "../../../../apps/mnist_vae/model/latent_ledger.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../../../../core/reference.hpp"
#include "../../../support/convert.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;

TEST_CASE("latent ledger: batches add up to the statistics of the whole") {
    const Matrix mu = random_matrix(30, 3, 1, -2, 2), logvar = random_matrix(30, 3, 2, -3, 1);
    LatentLedger ledger(3);
    const auto rows = [](const Matrix& m, Index first, Index count) {
        return ConstMatrixView(m).middle_rows(first, count);
    };
    ledger.add(rows(mu, 0, 20), rows(logvar, 0, 20));
    ledger.add(rows(mu, 20, 10), rows(logvar, 20, 10));
    const auto statistics = ledger.statistics();
    REQUIRE(statistics.size() == 3);
    double kl = 0;
    for (Index j = 0; j < 3; ++j) {
        double mean = 0, variance = 0, sigma_squared = 0;
        for (Index i = 0; i < 30; ++i) mean += double(mu(i, j)) / 30;
        for (Index i = 0; i < 30; ++i) {
            variance += std::pow(double(mu(i, j)) - mean, 2) / 30;
            sigma_squared += std::exp(double(logvar(i, j))) / 30;
        }
        const LatentStatistics& s = statistics[std::size_t(j)];
        // Sums of 30 values near 1 in double.
        CHECK(std::abs(s.mu_mean - mean) <= 1e-14);
        CHECK(std::abs(s.mu_variance - variance) <= 1e-13);
        CHECK(std::abs(s.mean_variance - sigma_squared) <= 1e-13);
        CHECK(s.posterior_variance() == s.mu_variance + s.mean_variance);
        kl += s.kl;
    }
    CHECK(std::abs(kl - reference::kl_divergence(to_tensor(mu), to_tensor(logvar))) <= 1e-13 * kl);
    CHECK(count_active(statistics) == 3);
}

TEST_CASE("latent ledger: a collapsed latent is N(0, 1) for every image, and not active") {
    Matrix mu(50, 2), logvar(50, 2);
    for (Index i = 0; i < 50; ++i) mu(i, 1) = i % 2 == 0 ? 0.11f : -0.11f;
    LatentLedger ledger(2);
    ledger.add(mu, logvar);
    const auto s = ledger.statistics();
    CHECK(s[0].kl == 0);
    CHECK(s[0].posterior_mean() == 0);
    CHECK(s[0].posterior_variance() == 1);
    CHECK_FALSE(s[0].is_active());
    CHECK(s[1].is_active());  // 0.0121
    CHECK(count_active(s) == 1);
}

TEST_CASE("latent ledger: logvar is clamped as the loss clamps it") {
    Matrix mu(1, 2), logvar(1, 2);
    logvar(0, 0) = 90;
    logvar(0, 1) = -90;
    LatentLedger ledger(2);
    ledger.add(mu, logvar);
    const auto s = ledger.statistics();
    CHECK(std::abs(s[0].mean_variance / std::exp(20.0) - 1) <= 1e-15);
    CHECK(s[1].kl == doctest::Approx(0.5 * 29).epsilon(1e-12));
}
