#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "../../../../apps/mnist_vae/model/evaluation.hpp"
#include "../../../../core/error.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;

namespace {

IdxImages speckled(Index count) {
    IdxImages images{count, 4, 4, {}, ""};
    for (Index p = 0; p < count * 16; ++p)
        images.pixels.push_back(std::uint8_t(p * p % 251 < 80 ? p % 256 : 0));
    return images;
}

}  // namespace

// 600 images are two whole batches of the evaluator and a partial one.
TEST_CASE("evaluation: the mean over all images, each with its own noise") {
    const IdxImages images = speckled(600);
    Vae model({.image_rows = 4, .image_cols = 4, .hidden = {12}, .latent = 2});
    model.initialize(Initializer::he, 3);
    Evaluator evaluator(model, images);
    const NoiseSource source{5, Purpose::validation_noise, 9};
    const float kl_weight = 0.25f;

    // One image at a time: an image's terms do not depend on its batch.
    double recon = 0, mean_recon = 0, kl = 0;
    for (Index i = 0; i < images.count; ++i) {
        Matrix x(1, 16), noise(1, 2);
        for (Index j = 0; j < 16; ++j)
            x(0, j) = float(images.pixels[std::size_t(i * 16 + j)]) / 255.0f;
        mean_recon += model.forward(x, noise, kl_weight).recon;
        const std::uint32_t sample[] = {std::uint32_t(i)};
        fill_noise(source.seed, source.purpose, source.epoch, sample, noise);
        const LossTerms terms = model.forward(x, noise, kl_weight);
        recon += terms.recon;
        kl += terms.kl;
    }
    recon /= 600, mean_recon /= 600, kl /= 600;

    // The same terms in double, but for the order in which they are added: each of the 600
    // additions and few divisions rounds to 2^-53.
    const double tolerance = 1000 * 0x1p-53;
    const LossTerms sampled = evaluator.evaluate(&source, kl_weight);
    CHECK(std::abs(sampled.recon - recon) <= tolerance * recon);
    CHECK(std::abs(sampled.kl - kl) <= tolerance * kl);
    CHECK(sampled.loss == sampled.recon + double(kl_weight) * sampled.kl);
    const LossTerms mean = evaluator.evaluate(nullptr, kl_weight);
    CHECK(std::abs(mean.recon - mean_recon) <= tolerance * mean_recon);
    CHECK(mean.kl == sampled.kl);
    CHECK(mean.recon != sampled.recon);
}

TEST_CASE("evaluation: no images, or those of another size, are refused") {
    Vae model({.image_rows = 4, .image_cols = 4, .hidden = {3}, .latent = 1});
    const IdxImages none = speckled(0);
    IdxImages wide = speckled(10);
    wide.rows = 2;
    wide.cols = 8;
    CHECK_THROWS_AS(Evaluator(model, none), Error);
    CHECK_THROWS_AS(Evaluator(model, wide), Error);
}
