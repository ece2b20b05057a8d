#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "../../../../apps/mnist_vae/model/vae.hpp"
#include "../../../../core/parallel.hpp"
#include "../../../../core/random.hpp"
#include "../../../../core/reference_vae.hpp"
#include "../../../../optim/adam.hpp"
#include "../../../support/convert.hpp"
#include "../../../support/each_isa.hpp"
#include "../../../support/gradcheck.hpp"
#include "../../../support/near.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;

namespace {

reference::VaeConfig reference_config(const Architecture& a, double kl_weight) {
    return {.inputs = a.pixels(),
            .hidden = a.hidden,
            .latent = a.latent,
            .activation = a.activation,
            .recon_loss = static_cast<reference::ReconLoss>(a.recon_loss),
            .kl_weight = kl_weight};
}

}  // namespace

TEST_CASE("vae: loss and every gradient agree with the reference, for any shape and convention") {
    struct Case {
        std::vector<Index> hidden;
        Index latent;
        Activation activation;
        ReconLoss recon_loss;
        Index n;
        float kl_weight;
    };
    const Case cases[] = {
        {{9}, 2, Activation::relu, ReconLoss::bce, 5, 1},
        {{1}, 1, Activation::tanh, ReconLoss::bce, 1, 0.5f},
        {{17, 5}, 3, Activation::tanh, ReconLoss::mse, 7, 2},
        {{20, 33, 7}, 4, Activation::sigmoid, ReconLoss::bce_probabilities, 16, 0},
        {{40}, 20, Activation::linear, ReconLoss::bce, 3, 1},
    };
    for (const Case& c : cases) {
        const Architecture architecture{.image_rows = 5,
                                        .image_cols = 7,
                                        .hidden = c.hidden,
                                        .latent = c.latent,
                                        .activation = c.activation,
                                        .recon_loss = c.recon_loss};
        const Matrix x = random_matrix(c.n, 35, 1, 0, 1),
                     noise = random_matrix(c.n, c.latent, 2, -2, 2);
        for_each_isa([&] {
            Vae model(architecture);
            CAPTURE(architecture.widths());
            model.initialize(Initializer::torch, 5);
            reference::Vae<double> truth(reference_config(architecture, c.kl_weight));
            const auto tensors = model.tensors(model.arena().values());
            REQUIRE(tensors.size() == truth.parameters().size());
            for (std::size_t i = 0; i < tensors.size(); ++i)
                truth.parameters()[i] = to_tensor(tensors[i].values);
            const auto want = truth.forward(to_tensor(x), to_tensor(noise));
            truth.backward();

            std::fill(model.arena().gradients().begin(), model.arena().gradients().end(), NAN);
            const LossTerms got = model.forward_training(x, noise, {.kl_weight = c.kl_weight});
            model.backward();
            CHECK(std::abs(got.recon - want.recon) <= 1e-6 * want.recon);
            CHECK(std::abs(got.kl - want.kl) <= 1e-5 * want.kl + 1e-12);
            CHECK(got.loss == got.recon + double(c.kl_weight) * got.kl);
            const auto gradients = model.tensors(model.arena().gradients());
            for (std::size_t i = 0; i < gradients.size(); ++i) {
                CAPTURE(gradients[i].name);
                CHECK(relative_l2_error(to_tensor(gradients[i].values).data,
                                        truth.gradients()[i].data) <= 1e-5);
            }
            const LossTerms forward_only = model.forward(x, noise, c.kl_weight);
            CHECK(forward_only.loss == got.loss);
            CHECK(forward_only.recon == got.recon);
            CHECK(forward_only.kl == got.kl);
        });
    }
}

TEST_CASE("vae: every objective: loss and every gradient agree with the reference") {
    const Objective objectives[] = {
        {.samples = 3},
        {.sum_over_batch = true},
        {.kl_weight = 0.5f, .samples = 2, .sum_over_batch = true},
        {.free_bits = 0.05f},
        {.kl_weight = 2, .free_bits = 0.1f, .samples = 2},
        {.importance_weighted = true},
        {.samples = 4, .importance_weighted = true},
        {.samples = 3, .importance_weighted = true, .sum_over_batch = true},
    };
    const Index n = 6;
    for (const ReconLoss loss : {ReconLoss::bce, ReconLoss::continuous_bernoulli,
                                 ReconLoss::gaussian, ReconLoss::bce_clamped_logs})
        for (const bool log_sigma : {false, true})
            for (const Objective& objective : objectives) {
                const Architecture architecture{.image_rows = 5,
                                                .image_cols = 7,
                                                .hidden = {17, 5},
                                                .latent = 3,
                                                .activation = Activation::tanh,
                                                .recon_loss = loss,
                                                .pixel_variance = 0.2,
                                                .log_sigma_head = log_sigma};
                const Matrix x = random_matrix(n, 35, 1, 0, 1),
                             noise = random_matrix(n * objective.samples, 3, 2, -2, 2);
                Vae model(architecture);
                CAPTURE(&objective - objectives);
                CAPTURE(log_sigma);
                model.initialize(Initializer::torch, 5);
                reference::VaeConfig config = reference_config(architecture, objective.kl_weight);
                config.pixel_variance = architecture.pixel_variance;
                config.log_sigma_head = log_sigma;
                config.samples = objective.samples;
                config.importance_weighted = objective.importance_weighted;
                config.free_bits = double(objective.free_bits);
                config.sum_over_batch = objective.sum_over_batch;
                reference::Vae<double> truth(config);
                const auto tensors = model.tensors(model.arena().values());
                for (std::size_t i = 0; i < tensors.size(); ++i)
                    truth.parameters()[i] = to_tensor(tensors[i].values);
                const auto want = truth.forward(to_tensor(x), to_tensor(noise));
                truth.backward();
                const LossTerms got = model.forward_training(x, noise, objective);
                model.backward();
                // As above, but that the Gaussian's constant and the bound cancel some digits.
                CHECK(std::abs(got.loss - want.loss) <= 1e-5 * (std::abs(want.loss) + 1));
                const auto gradients = model.tensors(model.arena().gradients());
                for (std::size_t i = 0; i < gradients.size(); ++i) {
                    CAPTURE(gradients[i].name);
                    CHECK(relative_l2_error(to_tensor(gradients[i].values).data,
                                            truth.gradients()[i].data) <= 1e-5);
                }
            }
}

TEST_CASE("vae: names and shapes of the tensors are those of the files") {
    Vae model({.hidden = {400, 200}, .latent = 20});
    CHECK(model.architecture().widths() == "784-400-200-20-200-400-784");
    std::string names;
    for (const NamedTensor& t : model.tensors(model.arena().values()))
        names += t.name + " " + shape_string(t.values) + ", ";
    CHECK(
        names ==
        "encoder.0.weight 784 x 400, encoder.0.bias 1 x 400, encoder.1.weight 400 x 200, "
        "encoder.1.bias 1 x 200, mu.weight 200 x 20, mu.bias 1 x 20, logvar.weight 200 x 20, "
        "logvar.bias 1 x 20, decoder.0.weight 20 x 200, decoder.0.bias 1 x 200, decoder.1.weight "
        "200 x 400, decoder.1.bias 1 x 400, decoder.2.weight 400 x 784, decoder.2.bias 1 x 784, ");
    CHECK(Vae({}).arena().parameter_count() == 807700);
    CHECK(Vae({.hidden = {400}, .latent = 20}).arena().parameter_count() == 652824);
}

TEST_CASE(
    "vae: every tensor begins with the numbers of its own stream, in the order of the files") {
    for (Initializer initializer : {Initializer::glorot, Initializer::torch}) {
        Vae model({.image_rows = 5, .image_cols = 7, .hidden = {9, 6}, .latent = 3});
        model.initialize(initializer, 11);
        const auto tensors = model.tensors(model.arena().values());
        for (std::size_t i = 0; i < tensors.size(); i += 2) {
            CAPTURE(tensors[i].name);
            ParameterArena arena;
            const ConstBlockedView weight = tensors[i].values, bias = tensors[i + 1].values;
            const Parameter& w = arena.add("w", weight.rows, weight.cols);
            const Parameter& b = arena.add("b", 1, weight.cols);
            arena.allocate();
            initialize(initializer, 11, std::uint32_t(i), w.value, b.value);
            CHECK(to_tensor(weight).data == to_tensor(w.value).data);
            CHECK(to_tensor(bias).data == to_tensor(b.value).data);
        }
    }
}

TEST_CASE("vae: eight images can be learned by heart") {
    // Eight images of noise-free stripes; a model that cannot overfit them has a wrong gradient.
    Matrix x(8, 64), noise(8, 2);
    for (Index i = 0; i < 8; ++i)
        for (Index j = 0; j < 64; ++j) x(i, j) = float(((j >> (i % 6)) + i / 6) % 2);
    Vae model({.image_rows = 8, .image_cols = 8, .hidden = {64}, .latent = 2});
    model.initialize(Initializer::glorot, 1);
    Adam adam(model.arena(), AdamConfig::keras());
    std::uint32_t samples[8];
    std::iota(samples, samples + 8, 0u);
    LossTerms terms;
    for (std::uint32_t step = 0; step < 1500; ++step) {
        fill_noise(0, Purpose::training_noise, step, samples, noise);
        // With hardly any pull towards the prior nothing keeps it from learning all.
        terms = model.forward_training(x, noise, {.kl_weight = 0.01f});
        model.backward();
        adam.step(1e-2);
    }
    // 64 ln 2 = 44.4 nats at the start; less than one nat is every pixel right.
    CHECK(terms.recon < 1);
}

TEST_CASE("vae: twenty steps give the same bits on every instruction set and thread count") {
    const int threads_before = thread_count();
    std::vector<float> first;
    const Matrix x = random_matrix(21, 35, 1, 0, 1), noise = random_matrix(21, 3, 2);
    for_each_isa([&] {
        if (active_isa() == Isa::sse2) return;  // has no fused multiply-add
        for (int threads : {1, 2, 3, 7}) {
            set_thread_count(threads);
            Vae model({.image_rows = 5, .image_cols = 7, .hidden = {70, 50}, .latent = 3});
            model.initialize(Initializer::he, 9);
            Adam adam(model.arena(), AdamConfig::torch());
            for (int step = 0; step < 20; ++step) {
                model.forward_training(x, noise, {});
                model.backward();
                adam.step(1e-2);
            }
            const auto values = model.arena().values();
            if (first.empty()) first.assign(values.begin(), values.end());
            CHECK(std::memcmp(first.data(), values.data(), values.size_bytes()) == 0);
        }
    });
    set_thread_count(threads_before);
}

TEST_CASE("vae: encode and decode agree with the training path") {
    const Matrix x = random_matrix(6, 35, 1, 0, 1), no_noise(6, 2);
    for (ReconLoss loss : {ReconLoss::bce, ReconLoss::mse}) {
        Vae model(
            {.image_rows = 5, .image_cols = 7, .hidden = {8}, .latent = 2, .recon_loss = loss});
        model.initialize(Initializer::torch, 3);
        const LossTerms terms = model.forward(x, no_noise, 1);
        const Vae::Posterior posterior = model.encode(x);
        const Matrix mu = copy(posterior.mu);
        const ConstMatrixView pixels = model.decode(mu);
        double recon = 0;
        for (Index i = 0; i < 6; ++i)
            for (Index j = 0; j < 35; ++j) {
                const double p = pixels(i, j), t = x(i, j);
                recon += loss == ReconLoss::mse ? (p - t) * (p - t)
                                                : -(t * std::log(p) + (1 - t) * std::log1p(-p));
            }
        CHECK(std::abs(recon / 6 - terms.recon) <= 1e-5 * terms.recon);
    }
}
