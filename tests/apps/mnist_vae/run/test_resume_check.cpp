#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "../../../../apps/mnist_vae/run/resume_check.hpp"
#include "../../../../core/error.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// 100 images in batches of 30: 4 an epoch. Three epochs are done, and two batches of the fourth.
const TrainingSize kSize{.plan = {.epochs = 10, .batch_size = 30, .objective = {.kl_weight = 2}},
                         .images = 100,
                         .architecture = {.image_rows = 2, .image_cols = 3, .latent = 5},
                         .model_epoch = {}};
const Position kPosition{.epoch = 4,
                         .batch = 2,
                         .loss_sum = 150,
                         .recon_sum = 100,
                         .kl_sum = 25,
                         .clamped_logvars = 300,
                         .seconds = 1,
                         .best_val_loss = 1.0 / 3,
                         .best_epoch = 2};
constexpr std::int64_t kSteps = 14;

std::vector<EpochMetrics> log_of(Index first, Index last) {
    std::vector<EpochMetrics> log;
    for (Index epoch = first; epoch <= last; ++epoch)
        log.push_back({.epoch = epoch,
                       .step = 4 * epoch,
                       .val_loss = epoch == 2 ? 0.333333333 : double(epoch)});
    return log;
}

bool accepted(const Position& position, std::int64_t steps, const std::vector<EpochMetrics>& log,
              const TrainingSize& size = kSize) {
    try {
        check_position("checkpoint", position, steps, size, log);
        return true;
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::input);
        CHECK(std::string(error.what()).starts_with("checkpoint: "));
        return false;
    }
}

}  // namespace

TEST_CASE("a position that training leaves is accepted, with the log whole, longer or missing") {
    CHECK(accepted(kPosition, kSteps, {}));
    CHECK(accepted(kPosition, kSteps, log_of(1, 3)));
    CHECK(accepted(kPosition, kSteps, log_of(1, 9)));
    CHECK(accepted(kPosition, kSteps, log_of(3, 3)));
    CHECK(accepted({}, 0, {}));
    CHECK(accepted({}, 0, log_of(1, 2)));
    // Interrupted after the last batch of an epoch.
    Position p = kPosition;
    p.batch = 4;
    CHECK(accepted(p, 16, log_of(1, 3)));
    // Between two epochs.
    p = {.epoch = 4, .best_val_loss = 1.0 / 3, .best_epoch = 2};
    CHECK(accepted(p, 12, log_of(1, 3)));
}

TEST_CASE("every number of a position that no training has is refused") {
    const std::function<void(Position&)> changes[] = {
        [](Position& p) { p.epoch = 0; },
        [](Position& p) { p.epoch = -5; },
        [](Position& p) { p.epoch = 3; },
        [](Position& p) { p.epoch = std::numeric_limits<Index>::max(); },
        [](Position& p) { p.epoch = 1'000'000'002; },
        [](Position& p) { p.batch = -1; },
        [](Position& p) { p.batch = 1; },
        [](Position& p) { p.batch = 5; },
        [](Position& p) { p.batch = std::numeric_limits<Index>::max(); },
        [](Position& p) { p.loss_sum = kInfinity; },
        [](Position& p) { p.loss_sum = 151; },
        [](Position& p) { p.recon_sum = std::numeric_limits<double>::quiet_NaN(); },
        [](Position& p) { p.recon_sum = 99; },
        [](Position& p) { p.kl_sum = -kInfinity; },
        [](Position& p) { p.kl_sum = 26; },
        [](Position& p) { p.seconds = -1; },
        [](Position& p) { p.seconds = 0; },
        [](Position& p) { p.seconds = 1e300; },
        [](Position& p) { p.recon_sum = 200, p.kl_sum = -25; },
        [](Position& p) { p.recon_sum = -100, p.loss_sum = -50; },
        [](Position& p) { p.recon_sum = p.loss_sum = 1e300; },
        [](Position& p) { p.kl_sum = 1e300, p.loss_sum = 2e300; },
        [](Position& p) { p.recon_sum = p.loss_sum = p.kl_sum = 0; },
        [](Position& p) { p.best_val_loss = -1e6; },
        [](Position& p) { p.seconds = kInfinity; },
        [](Position& p) { p.clamped_logvars = -1; },
        [](Position& p) { p.clamped_logvars = 301; },
        [](Position& p) { p.best_epoch = 0; },
        [](Position& p) { p.best_epoch = 3; },
        [](Position& p) { p.best_epoch = 4; },
        [](Position& p) { p.best_val_loss = kInfinity; },
        [](Position& p) { p.best_val_loss = 0.5; },
        [](Position& p) { p.best_val_loss = 0.25; },
        [](Position& p) { p.best_val_loss = std::numeric_limits<double>::quiet_NaN(); },
    };
    for (const auto& change : changes) {
        CAPTURE(&change - changes);
        Position p = kPosition;
        change(p);
        CHECK_FALSE(accepted(p, kSteps, log_of(1, 3)));
    }
    for (const std::int64_t steps : {std::int64_t{13}, std::int64_t{-14}, std::int64_t{0},
                                     std::int64_t{9'000'000'000'000'000'000}})
        CHECK_FALSE(accepted(kPosition, steps, {}));
    // At the start of an epoch there are no sums.
    Position p{.epoch = 4, .kl_sum = 1, .best_val_loss = 1, .best_epoch = 1};
    CHECK_FALSE(accepted(p, 12, {}));
    p = {.best_val_loss = 1};
    CHECK_FALSE(accepted(p, 0, {}));
    p = {.best_epoch = 1};
    CHECK_FALSE(accepted(p, 0, {}));
}

TEST_CASE("losses may be below 0 where they are no costs, or as far as roundings go") {
    Position p = kPosition;
    p.recon_sum = -100, p.loss_sum = -50;
    TrainingSize size = kSize;
    CHECK_FALSE(accepted(p, kSteps, {}, size));
    for (const ReconLoss loss : {ReconLoss::gaussian, ReconLoss::continuous_bernoulli}) {
        size.architecture.recon_loss = loss;
        CHECK(accepted(p, kSteps, {}, size));
    }
    p = kPosition;
    p.kl_sum = -25, p.loss_sum = 50;
    size = kSize;
    size.plan.mistake = Mistake::kl_sign;
    CHECK(accepted(p, kSteps, {}, size));
    p.kl_sum = -1e-8, p.loss_sum = 100 - 2e-8;
    CHECK(accepted(p, kSteps, {}, kSize));
}

TEST_CASE("no checkpoint is further than the model beside it") {
    TrainingSize size = kSize;
    for (const Index epoch : {3, 4, 9}) {
        size.model_epoch = epoch;
        CHECK(accepted(kPosition, kSteps, {}, size));
    }
    size.model_epoch = 2;
    CHECK_FALSE(accepted(kPosition, kSteps, {}, size));
}

TEST_CASE("rows that contradict the position are refused") {
    CHECK_FALSE(accepted(kPosition, kSteps, log_of(1, 2)));
    std::vector<EpochMetrics> log = log_of(1, 3);
    log[1].step = 9;
    CHECK_FALSE(accepted(kPosition, kSteps, log));
    log = log_of(1, 3);
    log[2].val_loss = 0.1;
    CHECK_FALSE(accepted(kPosition, kSteps, log));
    log = log_of(1, 3);
    log[1].val_loss = 0.5;
    CHECK_FALSE(accepted(kPosition, kSteps, log));
}

TEST_CASE("the loss is the sum of its parts for the objectives that have parts") {
    Position p = kPosition;
    p.loss_sum = 120;
    TrainingSize size = kSize;
    CHECK_FALSE(accepted(p, kSteps, {}, size));
    size.plan.objective.free_bits = 1;
    CHECK(accepted(p, kSteps, {}, size));
    size.plan.objective = {.importance_weighted = true};
    CHECK(accepted(p, kSteps, {}, size));
    // In the fourth of eight epochs of warm-up the weight is half of what it will be.
    size = kSize;
    size.plan.kl_warmup = 8;
    CHECK_FALSE(accepted(kPosition, kSteps, {}, size));
    p.loss_sum = 125;
    CHECK(accepted(p, kSteps, {}, size));
}
