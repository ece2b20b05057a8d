#include "latent_ledger.hpp"

#include <algorithm>
#include <cmath>

#include "../../../core/reference.hpp"

namespace handgrad::apps::mnist_vae {

void LatentLedger::add(ConstMatrixView mu, ConstMatrixView logvar) {
    for (Index i = 0; i < mu.rows; ++i)
        for (std::size_t j = 0; j < sums_.size(); ++j) {
            const double m = mu(i, Index(j));
            const double l = reference::clamp(double(logvar(i, Index(j))), reference::kLogvarMin,
                                              reference::kLogvarMax);
            const double growth = std::expm1(l);
            Sums& sums = sums_[j];
            sums.kl += 0.5 * (m * m + (growth - l));
            sums.mu += m;
            sums.mu_squared += m * m;
            sums.variance += growth + 1;
        }
    images_ += mu.rows;
}

std::vector<LatentStatistics> LatentLedger::statistics() const {
    std::vector<LatentStatistics> statistics;
    const double n = double(images_);
    for (const Sums& sums : sums_) {
        const double mean = sums.mu / n;
        statistics.push_back({.kl = sums.kl / n,
                              .mu_mean = mean,
                              .mu_variance = std::max(0.0, sums.mu_squared / n - mean * mean),
                              .mean_variance = sums.variance / n});
    }
    return statistics;
}

Index count_active(const std::vector<LatentStatistics>& latents) {
    return std::count_if(latents.begin(), latents.end(),
                         [](const LatentStatistics& s) { return s.is_active(); });
}

}  // namespace handgrad::apps::mnist_vae
