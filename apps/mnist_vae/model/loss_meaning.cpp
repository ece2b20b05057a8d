#include "loss_meaning.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <numbers>

namespace handgrad::apps::mnist_vae {

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

// Which likelihoods of black and white pixels are of the same kind.
const char* family_line(Binarization binarization) {
    switch (binarization) {
        case Binarization::none:
            break;
        case Binarization::drawn_once:
            return "drawn once by this program: not to be compared with the literature's fixed "
                   "files, nor with pixels drawn anew";
        case Binarization::drawn_anew:
            return "one draw of pixels that training draws anew: comparable with others of that "
                   "kind, not with fixed files";
        case Binarization::at_threshold:
            return "by a threshold: easier than drawn ones, and not to be compared with them";
    }
    return "as the files have them: comparable with others of the same files";
}

std::string explain_recon(const Architecture& a, const IdxImages& images, Binarization binarization,
                          double recon) {
    const double pixels = double(a.pixels());
    if (is_cross_entropy(a.recon_loss)) {
        const double floor = entropy_floor(images);
        if (floor == 0)
            return line("pixels are black or white: minus the loss with z sampled is an ELBO") +
                   line("%s", family_line(binarization));
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
                           Binarization binarization, double recon) {
    const int pixels = int(a.pixels()), latent = int(a.latent);
    return line(
               "nats per image: recon summed over %d pixels, kl over %d latents, loss = recon + %g "
               "kl",
               pixels, latent, kl_weight) +
           line("recon with z sampled is %.4f nats or %.4f bits per pixel", recon / pixels,
                recon / pixels / std::numbers::ln2) +
           line(
               "z sampled: one sample of minus the ELBO, if beta is 1; z = mu: lower, and no "
               "bound") +
           line(
               "recon averaged over the pixels instead is the same objective with kl weighted by "
               "%.4g",
               kl_weight / pixels) +
           line("and with kl weighted by 1 it is beta %d; with kl averaged over the latents, %.4g",
                pixels, double(pixels) / latent) +
           explain_recon(a, images, binarization, recon);
}

}  // namespace handgrad::apps::mnist_vae
