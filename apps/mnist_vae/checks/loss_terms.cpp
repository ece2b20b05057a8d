#include "loss_terms.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace handgrad::apps::mnist_vae {

namespace {

using Tensor = reference::Tensor<double>;
using reference::ReconLoss;

// Of one pixel with target t and output y (core/reference_losses.hpp).
double size_of_pixel(const reference::VaeConfig& config, double y, double t) {
    const auto logs = [&](double log, double log_of_rest) {
        return std::abs(t * log) + std::abs((1 - t) * log_of_rest);
    };
    switch (config.recon_loss) {
        case ReconLoss::bce_probabilities: {
            constexpr double kClip = reference::kProbabilityClip;
            const double c = std::clamp(y, kClip, 1 - kClip);
            return logs(std::log(c), std::log1p(-c));
        }
        case ReconLoss::bce_clamped_logs:
            return logs(std::max(std::log(y), -100.0), std::max(std::log1p(-y), -100.0));
        case ReconLoss::mse:
            return y * y + t * t;
        case ReconLoss::gaussian: {
            const double variance = config.pixel_variance;
            return (y * y + t * t) / (2 * variance) +
                   std::abs(std::log(2 * std::numbers::pi * variance)) / 2;
        }
        case ReconLoss::continuous_bernoulli: {
            const double size = std::abs(y);
            const double log = size == 0 ? 0 : std::log(-std::expm1(-size) / size);
            return std::max(y, 0.0) + size * t + std::abs(log);
        }
        case ReconLoss::bce:
            break;
    }
    return reference::softplus(y) + std::abs(y * t);
}

}  // namespace

double size_of_loss_terms(const reference::VaeConfig& config, const reference::Vae<double>& model,
                          const Tensor& x, const Tensor& noise) {
    const Tensor& y = model.outputs().back();
    const Index k = config.samples;
    double pixels = 0;
    for (Index row = 0; row < y.rows; ++row)
        for (Index j = 0; j < y.cols; ++j)
            pixels += size_of_pixel(config, y(row, j), x(row / k, j));

    const std::size_t head = config.hidden.size();
    const Tensor& mu = model.outputs()[head];
    Tensor logvar = model.outputs()[head + 1];
    if (config.log_sigma_head)
        for (double& l : logvar.data) l *= 2;
    for (double& l : logvar.data) l = std::clamp(l, reference::kLogvarMin, reference::kLogvarMax);

    double latents = 0;
    if (config.importance_weighted) {
        const Tensor z = reference::reparameterize(reference::repeat_rows(mu, k),
                                                   reference::repeat_rows(logvar, k), noise);
        for (Index row = 0; row < z.rows; ++row)
            for (Index j = 0; j < z.cols; ++j)
                latents += (std::abs(logvar(row / k, j)) + noise(row, j) * noise(row, j) +
                            z(row, j) * z(row, j)) /
                           2;
        return (pixels + latents) / double(y.rows);
    }
    for (std::size_t e = 0; e < mu.size(); ++e) {
        const double l = logvar[e];
        latents += (mu[e] * mu[e] + std::abs(std::expm1(l)) + std::abs(l)) / 2;
    }
    return pixels / double(y.rows) + config.kl_weight * latents / double(x.rows) +
           config.kl_weight * config.free_bits * double(config.latent);
}

}  // namespace handgrad::apps::mnist_vae
