// PerturbedVae against the whole forward pass with the parameter moved.
#include <doctest/doctest.h>

#include <complex>
#include <numeric>

#include "../../core/reference_perturbation.hpp"
#include "../support/convert.hpp"
#include "../support/gradcheck.hpp"

using namespace handgrad;
using namespace handgrad::test;
using reference::ReconLoss;
using reference::VaeConfig;

namespace {

template <class T>
T sum(const std::vector<T>& addends) {
    return std::accumulate(addends.begin(), addends.end(), T(0));
}

const VaeConfig kConfigs[] = {
    {.inputs = 6, .hidden = {5}, .latent = 2},
    {.inputs = 4,
     .hidden = {5, 3},
     .latent = 1,
     .activation = Activation::tanh,
     .recon_loss = ReconLoss::mse},
    {.inputs = 3,
     .hidden = {2, 4, 3},
     .latent = 2,
     .activation = Activation::sigmoid,
     .recon_loss = ReconLoss::bce_probabilities},
    {.inputs = 4, .hidden = {3}, .latent = 2, .recon_loss = ReconLoss::bce_clamped_logs},
    {.inputs = 4, .hidden = {3}, .latent = 2, .recon_loss = ReconLoss::continuous_bernoulli},
    {.inputs = 4,
     .hidden = {3},
     .latent = 2,
     .recon_loss = ReconLoss::gaussian,
     .pixel_variance = 0.1},
};

struct Case {
    explicit Case(const VaeConfig& config)
        : model(config),
          x(to_tensor(random_matrix(3, config.inputs, 1, 0, 1))),
          noise(to_tensor(random_matrix(3, config.latent, 2, -2, 2))) {
        unsigned seed = 3;
        for (auto& p : model.parameters())
            p = to_tensor(random_matrix(p.rows, p.cols, seed++, -1, 1));
        x(0, 1) = x(1, 1) = x(2, 1) = 0;  // a pixel that moves nothing
    }
    reference::Vae<double> model;
    RealTensor x, noise;
};

}  // namespace

TEST_CASE("PerturbedVae: complex steps give the gradients of the whole model, part by part") {
    for (const VaeConfig& config : kConfigs) {
        Case c(config);
        const reference::PerturbedVae<Complex> perturbed(config, c.model, c.x, c.noise);
        c.model.forward(c.x, c.noise);
        c.model.backward(0);
        const auto kl = c.model.gradients();
        c.model.backward();
        const auto both = c.model.gradients();
        for (std::size_t p = 0; p < both.size(); ++p) {
            CAPTURE(p);
            RealTensor got(both[p].rows, both[p].cols), got_kl = got;
            for (std::size_t e = 0; e < got.size(); ++e) {
                const auto losses = perturbed.losses(p, e, Complex(0, 1e-30));
                got_kl[e] = sum(losses.kl).imag() / 1e-30;
                got[e] = sum(losses.recon).imag() / 1e-30 + got_kl[e];
            }
            CHECK(gradients_agree(both[p], got));
            CHECK(worst_relative_error(kl[p].data, got_kl.data) <= 1e-10);
        }
    }
}

TEST_CASE("PerturbedVae: what a real step changes is what the whole forward pass changes") {
    for (const VaeConfig& config : kConfigs) {
        Case c(config);
        const reference::PerturbedVae<long double> perturbed(config, c.model, c.x, c.noise);
        for (std::size_t p = 0; p < c.model.parameters().size(); ++p)
            for (std::size_t e = 0; e < c.model.parameters()[p].size(); ++e) {
                const double value = c.model.parameters()[p][e], delta = 0.25;
                const auto plus = perturbed.losses(p, e, delta),
                           minus = perturbed.losses(p, e, -delta);
                c.model.parameters()[p][e] = value + delta;
                const auto moved = c.model.forward(c.x, c.noise);
                c.model.parameters()[p][e] = value - delta;
                const auto back = c.model.forward(c.x, c.noise);
                c.model.parameters()[p][e] = value;
                CAPTURE(p);
                CAPTURE(e);
                // A ReLU may let only one of the two steps through.
                if (plus.recon.size() != minus.recon.size()) continue;
                // Sums of some tens of values near 1, in double.
                CHECK(std::abs(double(sum(plus.kl) - sum(minus.kl)) - (moved.kl - back.kl)) <=
                      1e-13);
                CHECK(std::abs(double(sum(plus.recon) - sum(minus.recon)) -
                               (moved.recon - back.recon)) <= 1e-13);
            }
    }
}

TEST_CASE("PerturbedVae: what no image sees moves nothing") {
    Case c(kConfigs[0]);
    const reference::PerturbedVae<Complex> perturbed(kConfigs[0], c.model, c.x, c.noise);
    const std::size_t of_dark_pixel = 1 * 5 + 2;
    CHECK(perturbed.losses(0, of_dark_pixel, Complex(0, 1e-30)).recon.empty());
    CHECK_FALSE(perturbed.losses(0, 0, Complex(0, 1e-30)).recon.empty());
}
