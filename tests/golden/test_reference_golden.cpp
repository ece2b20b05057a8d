// The reference autoencoder in double follows PyTorch in double: same weights, order and noise,
// other gradients (hand-written here, autograd there).
#include <doctest/doctest.h>

#include <cmath>

#include "../../core/reference_vae.hpp"
#include "golden.hpp"

using namespace handgrad;
using namespace handgrad::test;
using reference::Tensor;

namespace {

reference::ReconLoss recon_loss(const std::string& name) {
    if (name == "mse") return reference::ReconLoss::mse;
    if (name == "bce-probabilities") return reference::ReconLoss::bce_probabilities;
    REQUIRE(name == "bce");
    return reference::ReconLoss::bce;
}

Tensor<double> to_tensor(ConstMatrixView m) {
    Tensor<double> t(m.rows, m.cols);
    for (Index i = 0; i < m.rows; ++i)
        for (Index j = 0; j < m.cols; ++j) t(i, j) = m(i, j);
    return t;
}

Tensor<double> images(const std::vector<std::uint8_t>& pixels, const GoldenBatch& batch) {
    Tensor<double> x(std::ssize(batch.samples), 784);
    for (Index i = 0; i < x.rows; ++i)
        for (Index j = 0; j < 784; ++j)
            x(i, j) = pixels[784 * batch.samples[static_cast<std::size_t>(i)] +
                             static_cast<std::size_t>(j)] /
                      255.0;
    return x;
}

void check_case(const Golden& golden, const GoldenCase& c, const std::vector<GoldenBatch>& batches,
                const std::vector<std::uint8_t>& pixels) {
    reference::Vae<double> vae(
        {.hidden = {c.hidden}, .latent = c.latent, .recon_loss = recon_loss(c.recon_loss)});
    const auto parameters = golden_parameters(golden, c);
    REQUIRE(vae.parameters().size() == parameters.size());
    for (std::size_t p = 0; p < parameters.size(); ++p)
        vae.parameters()[p] = to_tensor(parameters[p]);

    const auto placement =
        c.adam == "torch" ? reference::EpsilonPlacement::torch : reference::EpsilonPlacement::keras;
    const reference::AdamConfig adam{
        .learning_rate = c.learning_rate, .epsilon = c.epsilon, .placement = placement};
    REQUIRE(c.float64.recon.size() == batches.size());
    REQUIRE(c.float64.kl.size() == batches.size());
    for (std::size_t step = 0; step < batches.size(); ++step) {
        CAPTURE(step);
        const GoldenBatch& batch = batches[step];
        const Tensor<double> noise(std::ssize(batch.samples), c.latent,
                                   golden_noise(golden, batch, c.latent));
        const auto losses = vae.train_step(adam, images(pixels, batch), noise);
        const double recon = c.float64.recon[step], kl = c.float64.kl[step];
        CHECK(std::abs(losses.recon - recon) <= 1e-9 * std::abs(recon));
        CHECK(std::abs(losses.kl - kl) <= 1e-9 * std::abs(kl));
    }
}

}  // namespace

TEST_CASE("the reference in double agrees with PyTorch in double to 1e-9 over 100 steps") {
    const Golden golden = read_golden();
    const auto pixels = sample_pixels(golden);
    const auto batches = golden_batches(golden, 100);
    REQUIRE(golden.cases.size() == 9);
    for (const GoldenCase& c : golden.cases) {
        INFO(c.name());
        check_case(golden, c, batches, pixels);
    }
}
