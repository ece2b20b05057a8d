#include "../../../../apps/mnist_vae/checks/training_check.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "../../../../apps/mnist_vae/checks/image_choice.hpp"
#include "../../../../apps/mnist_vae/checks/loss_terms.hpp"
#include "../../../../apps/mnist_vae/run/recipe.hpp"
#include "../../../../core/random.hpp"
#include "../training/bars.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;
using reference::to_tensor;

namespace {

TrainOptions small_options() {
    TrainOptions options;
    options.hidden = {6};
    options.batch_size = 16;
    return options;
}

// One black image, and the noise of its first step.
struct BlackImage {
    explicit BlackImage(const TrainOptions& options)
        : images{1, 4, 4, std::vector<std::uint8_t>(16), ""}, x(1, 16), noise(1, options.latent) {
        const std::uint32_t first = 0;
        fill_noise(options.seed, Purpose::training_noise, 1, {&first, 1}, noise);
        for (Index j = 0; j < 16; ++j) x(0, j) = 0;
    }
    IdxImages images;
    Matrix x, noise;
};

}  // namespace

TEST_CASE("check_training: a loss of zero, whose terms cancel, is not wrong") {
    TrainOptions options = small_options();
    options.recon_loss = ReconLoss::gaussian;
    const BlackImage black(options);
    Vae model(architecture_of(options, black.images));
    initialize(model, options, black.images);
    const reference::VaeConfig any = reference_config(model.architecture(), {});
    reference::Vae<double> truth = reference_of(model, any);
    truth.forward(to_tensor(black.x), to_tensor(black.noise));
    double squares = 0;
    for (const double y : truth.outputs().back().data) squares += y * y;

    // squares / 2v + 8 log(2 pi v) grows with v from where the first is small.
    double low = squares / 16, high = 1;
    REQUIRE(squares / (2 * low) + 8 * std::log(2 * std::numbers::pi * low) < 0);
    for (int k = 0; k < 100; ++k) {
        const double v = (low + high) / 2;
        (squares / (2 * v) + 8 * std::log(2 * std::numbers::pi * v) < 0 ? low : high) = v;
    }
    options.pixel_variance = low;
    reference::VaeConfig config = any;
    config.recon_loss = reference::ReconLoss::gaussian;
    config.pixel_variance = low;
    reference::Vae<double> cancelling = reference_of(model, config);
    const double loss = cancelling.forward(to_tensor(black.x), to_tensor(black.noise)).loss;
    const double size =
        size_of_loss_terms(config, cancelling, to_tensor(black.x), to_tensor(black.noise));
    CHECK(std::abs(loss) <= 1e-13);
    CHECK(size > 0.01);

    const TrainingCheck check = check_training(options, black.images, 5);
    CHECK(check.steps == 1);
    CHECK(check.passed());
    CHECK(check.worst_loss_error <= 1e-6);
}

TEST_CASE("check_training: every loss passes, and noise that all images share does not") {
    for (const ReconLoss loss :
         {ReconLoss::bce, ReconLoss::bce_probabilities, ReconLoss::mse, ReconLoss::bce_clamped_logs,
          ReconLoss::continuous_bernoulli, ReconLoss::gaussian}) {
        TrainOptions options = small_options();
        options.recon_loss = loss;
        CHECK(check_training(options, bars(50), 3).passed());
        options.mistake = Mistake::shared_noise;
        CHECK_FALSE(check_training(options, bars(50), 3).passed());
    }
}

TEST_CASE("check_training: a mistake in the update shows however short the steps are") {
    for (const double lr : {1e-2, 1e-3, 1e-6, 1e-9})
        for (const std::uint64_t seed : {1, 2, 3, 4}) {
            CAPTURE(lr);
            CAPTURE(seed);
            TrainOptions options = small_options();
            options.lr = lr;
            options.seed = seed;
            const TrainingCheck right = check_training(options, bars(80), 5);
            CHECK(right.passed());
            // Biases begin at 0, where no step is lost in roundings.
            CHECK(right.measured_tensors >= 5);
            CHECK(right.worst_way_error <= kWayTolerance / 5);
            for (const Mistake mistake :
                 {Mistake::stale_adam, Mistake::clip_grad, Mistake::shared_noise}) {
                CAPTURE(mistake_name(mistake));
                options.mistake = mistake;
                CHECK_FALSE(check_training(options, bars(80), 5).passed());
            }
        }
    // Steps so short that every weight stays: nothing is measured, and nothing is wrong.
    TrainOptions options = small_options();
    options.optimizer = OptimizerKind::sgd;
    options.lr = 1e-45;
    const TrainingCheck still = check_training(options, bars(80), 5);
    CHECK(still.measured_tensors == 0);
    CHECK(still.passed());
}

TEST_CASE("size_of_loss_terms: the loss, where no term is negative, and more where some are") {
    for (const bool iwae : {false, true})
        for (const auto loss :
             {reference::ReconLoss::bce, reference::ReconLoss::bce_probabilities,
              reference::ReconLoss::mse, reference::ReconLoss::bce_clamped_logs,
              reference::ReconLoss::continuous_bernoulli, reference::ReconLoss::gaussian}) {
            TrainOptions options = small_options();
            options.recon_loss = static_cast<ReconLoss>(loss);
            const BlackImage black(options);
            Vae model(architecture_of(options, black.images));
            initialize(model, options, black.images);
            const Objective objective{.importance_weighted = iwae};
            const reference::VaeConfig config = reference_config(model.architecture(), objective);
            reference::Vae<double> truth = reference_of(model, config);
            const auto x = to_tensor(black.x), noise = to_tensor(black.noise);
            const double found = truth.forward(x, noise).loss;
            const double size = size_of_loss_terms(config, truth, x, noise);
            CHECK(size >= std::abs(found) * (1 - 1e-12));
            // A black image: KL is zero, and of cross-entropy and squares there is one term each.
            if (!iwae && loss != reference::ReconLoss::continuous_bernoulli &&
                loss != reference::ReconLoss::gaussian)
                CHECK(size <= found * (1 + 1e-12));
        }
}
