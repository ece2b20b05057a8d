#include "loss_meaning.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <numbers>

namespace handgrad::mnist_vae {

namespace {

std::string line(const char* format, ...) {
    char text[256];
    std::va_list values;
    va_start(values, format);
    std::vsnprintf(text, sizeof text, format, values);
    va_end(values);
    return std::string("# ") + text + "\n";
}

// The losses that are binary cross-entropy, whatever they clip.
bool is_cross_entropy(ReconLoss loss) {
    return loss == ReconLoss::bce || loss == ReconLoss::bce_probabilities ||
           loss == ReconLoss::bce_clamped_logs;
}

std::string explain_recon(const Architecture& a, const IdxImages& images, double recon) {
    const double pixels = double(a.pixels());
    if (is_cross_entropy(a.recon_loss)) {
        const double floor = entropy_floor(images);
        if (floor == 0)
            return line("pixels are black or white: minus the loss with z sampled is an ELBO");
        return line(
                   "pixels are grey: their entropy, %.2f, is the least that recon can be; %.2f lie "
                   "above it",
                   floor, recon - floor) +
               line(
                   "and no likelihood: not to be compared with one of black and white pixels "
                   "(--binarize)");
    }
    if (a.recon_loss == ReconLoss::mse)
        return line("as -log p of a Gaussian of variance 1/2, recon would be %.2f",
                    recon + pixels / 2 * std::log(std::numbers::pi));
    return line(
        "recon is -log of a density of grey pixels, which may be negative: not to be "
        "compared with that of black and white ones");
}

}  // namespace

double entropy_floor(const IdxImages& images) {
    std::array<double, 256> count{};
    for (const std::uint8_t p : images.pixels) ++count[p];
    double sum = 0;
    for (int p = 1; p < 255; ++p) {
        const double t = p / 255.0;
        sum -= count[std::size_t(p)] * (t * std::log(t) + (1 - t) * std::log1p(-t));
    }
    return sum / double(std::max<Index>(1, images.count));
}

std::string explain_losses(const Architecture& a, double kl_weight, const IdxImages& images,
                           double recon) {
    const int pixels = int(a.pixels()), latent = int(a.latent);
    return line(
               "nats per image: recon summed over %d pixels, kl over %d latents, loss = recon + %g "
               "kl",
               pixels, latent, kl_weight) +
           line(
               "z sampled: one sample of minus the ELBO, if beta is 1; z = mu: lower, and no "
               "bound") +
           line(
               "recon averaged over the pixels instead is the same objective with kl weighted by "
               "%.4g",
               kl_weight / pixels) +
           line("and with kl weighted by 1 it is beta %d; with kl averaged over the latents, %.4g",
                pixels, double(pixels) / latent) +
           explain_recon(a, images, recon);
}

}  // namespace handgrad::mnist_vae
