#include "../../../../apps/mnist_vae/model/loss_meaning.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::apps::mnist_vae;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

IdxImages images(std::vector<std::uint8_t> pixels) {
    return {Index(pixels.size()) / 4, 2, 2, std::move(pixels), ""};
}

}  // namespace

TEST_CASE("entropy floor: of grey pixels, and none of black and white ones") {
    CHECK(entropy_floor(images({0, 255, 255, 0, 0, 0, 0, 255})) == 0);
    // 51 / 255 is a fifth: 0.500402 nats; two of them in two images.
    const double fifth = -0.2 * std::log(0.2) - 0.8 * std::log(0.8);
    CHECK(std::abs(entropy_floor(images({0, 51, 255, 0, 204, 0, 0, 255})) - fifth) <= 1e-12);
    CHECK(std::abs(fifth - 0.500402) <= 1e-6);
}

TEST_CASE("the meaning of a loss: reductions, and what it must not be compared with") {
    Architecture a{.image_rows = 2, .image_cols = 2, .latent = 2};
    const IdxImages grey = images({0, 51, 255, 0}), binary = images({0, 255, 255, 0});
    const std::string of_grey = explain_losses(a, 1, grey, Binarization::none, 3);
    CHECK(contains(of_grey, "recon summed over 4 pixels, kl over 2 latents"));
    CHECK(contains(of_grey, "kl weighted by 0.25"));
    CHECK(contains(of_grey, "beta 4; with kl averaged over the latents, 2\n"));
    CHECK(contains(of_grey, "their entropy, 0.50, is the least that recon can be; 2.50 lie above"));
    CHECK(contains(of_grey, "--binarize"));
    // 3 / 4 nats, 0.75 / log 2 bits
    CHECK(contains(of_grey, "0.7500 nats or 1.0820 bits per pixel"));
    const std::pair<Binarization, const char*> kinds[] = {
        {Binarization::none, "as the files have them"},
        {Binarization::drawn_once, "drawn once by this program"},
        {Binarization::drawn_anew, "draws anew"},
        {Binarization::at_threshold, "by a threshold"}};
    for (const auto& [binarization, words] : kinds) {
        const std::string of_binary = explain_losses(a, 1, binary, binarization, 3);
        CHECK(contains(of_binary, "ELBO"));
        CHECK(contains(of_binary, words));
        CHECK_FALSE(contains(of_binary, "--binarize"));
    }
    a.recon_loss = ReconLoss::mse;
    // 3 + 4/2 log(pi)
    CHECK(contains(explain_losses(a, 1, grey, Binarization::none, 3), "recon would be 5.29"));
    a.recon_loss = ReconLoss::continuous_bernoulli;
    CHECK(contains(explain_losses(a, 1, grey, Binarization::none, 3), "density"));
    for (std::size_t at = 0; at < of_grey.size(); at = of_grey.find('\n', at) + 1)
        CHECK(of_grey.substr(at, 2) == "# ");
}
