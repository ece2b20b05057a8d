#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "../../../../apps/mnist_vae/training/trainer.hpp"
#include "../../../../core/error.hpp"
#include "../../../../core/parallel.hpp"
#include "../../../../core/random.hpp"
#include "../../../../optim/adam.hpp"
#include "../../../../optim/clip.hpp"
#include "bars.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;

namespace {

Architecture small() { return {.image_rows = 4, .image_cols = 4, .hidden = {12}, .latent = 2}; }

// A model, its optimiser and a trainer of 50 images in batches of 16 (the last holds 2).
struct Run {
    explicit Run(TrainingPlan plan = {}, Index epochs = 6)
        : train(bars(50)), validation(bars(20)), model(small()), adam(model.arena(), {}) {
        plan.epochs = epochs;
        plan.batch_size = 16;
        plan.lr = 0.01;
        model.initialize(Initializer::glorot, plan.seed);
        trainer = std::make_unique<Trainer>(model, adam, plan, train, validation);
    }
    std::vector<float> weights() {
        return {model.arena().values().begin(), model.arena().values().end()};
    }
    IdxImages train, validation;
    Vae model;
    Adam adam;
    std::unique_ptr<Trainer> trainer;
};

}  // namespace

TEST_CASE("trainer: epochs, batches and metrics add up") {
    Run run;
    std::vector<BatchProgress> batches;
    std::vector<EpochMetrics> epochs;
    std::vector<bool> best;
    TrainerEvents events;
    events.batch_done = [&](const BatchProgress& p) { batches.push_back(p); };
    events.epoch_done = [&](const EpochMetrics& m, bool b) {
        epochs.push_back(m);
        best.push_back(b);
        CHECK(run.trainer->position.epoch == m.epoch + 1);
        CHECK(run.trainer->position.batch == 0);
    };
    CHECK(run.trainer->batches_per_epoch() == 4);
    CHECK(run.trainer->run(events) == Outcome::finished);
    REQUIRE(batches.size() == 24);
    REQUIRE(epochs.size() == 6);
    CHECK(batches[5].epoch == 2);
    CHECK(batches[5].batch == 2);
    double lowest = INFINITY;
    for (std::size_t i = 0; i < 6; ++i) {
        const EpochMetrics& m = epochs[i];
        CHECK(m.epoch == Index(i) + 1);
        CHECK(m.step == 4 * m.epoch);
        CHECK(m.lr == 0.01);
        CHECK(std::abs(m.loss - (m.recon + m.kl)) <= 1e-12 * m.loss);
        CHECK(std::abs(m.val_loss - (m.val_recon + m.val_kl)) <= 1e-12 * m.val_loss);
        // The epoch's mean is that after its last batch.
        CHECK(batches[4 * i + 3].loss == m.loss);
        CHECK(best[i] == (m.val_loss < lowest));
        lowest = std::min(lowest, m.val_loss);
    }
    CHECK(epochs.back().val_loss < epochs.front().val_loss);
    // A finished run has nothing left to do.
    const auto weights = run.weights();
    CHECK(run.trainer->run(events) == Outcome::finished);
    CHECK(same_bits(weights, run.weights()));
    CHECK(epochs.size() == 6);
}

TEST_CASE("trainer: the same seed gives the same weights, on any number of threads") {
    const int before = thread_count();
    Run first;
    first.trainer->run({});
    for (int threads : {1, 2, 5}) {
        set_thread_count(threads);
        Run again;
        again.trainer->run({});
        CHECK(same_bits(first.weights(), again.weights()));
    }
    set_thread_count(before);
    Run other({.seed = 1});
    other.trainer->run({});
    CHECK_FALSE(same_bits(first.weights(), other.weights()));
}

TEST_CASE("trainer: every step is the one that can be written by hand, and so are the sums") {
    TrainingPlan plans[6];
    plans[1] = {.schedule = Schedule::step, .seed = 7};
    plans[2] = {.schedule = Schedule::cosine, .objective = {.kl_weight = 0.5f}, .sparsity = false};
    plans[3] = {.clip_norm = 0.5, .fuse = false};
    plans[4] = {.seed = 1, .sparsity = false, .fuse = false};
    plans[5] = {.clip_norm = 1e-3, .seed = std::uint64_t{1} << 40};
    for (const TrainingPlan& plan : plans) {
        const Index number = &plan - plans, epochs = 3;
        CAPTURE(number);
        Run run(plan, epochs), by_hand(plan, epochs);
        std::vector<EpochMetrics> metrics;
        TrainerEvents events;
        events.epoch_done = [&](const EpochMetrics& m, bool) { metrics.push_back(m); };
        run.trainer->run(events);
        REQUIRE(std::ssize(metrics) == epochs);

        Vae& model = by_hand.model;
        std::vector<std::uint32_t> order(50);
        for (Index epoch = 1; epoch <= epochs; ++epoch) {
            shuffle(plan.seed, std::uint32_t(epoch), order);
            double recon = 0, kl = 0;
            for (Index batch = 0; batch < 4; ++batch) {
                const Index n = batch < 3 ? 16 : 2;
                const auto samples =
                    std::span(order).subspan(std::size_t(batch * 16), std::size_t(n));
                Matrix x(n, 16), noise(n, 2);
                for (Index i = 0; i < n; ++i)
                    for (Index j = 0; j < 16; ++j)
                        x(i, j) =
                            float(by_hand.train
                                      .pixels[samples[std::size_t(i)] * 16 + std::size_t(j)]) /
                            255.0f;
                fill_noise(plan.seed, Purpose::training_noise, std::uint32_t(epoch), samples,
                           noise);
                const LossTerms terms = model.forward_training(x, noise, plan.objective);
                model.backward();
                if (plan.clip_norm > 0) clip_global_norm(model.arena(), plan.clip_norm);
                by_hand.adam.step(scheduled_rate(plan.schedule, 0.01, by_hand.adam.steps(), 12, 2));
                recon += terms.recon * double(n);
                kl += terms.kl * double(n);
            }
            CHECK(metrics[std::size_t(epoch - 1)].recon == recon / 50);
            CHECK(metrics[std::size_t(epoch - 1)].kl == kl / 50);
        }
        CHECK(same_bits(run.weights(), by_hand.weights()));
    }
}

TEST_CASE("trainer: the weight of the KL divergence rises in equal steps to its own") {
    const TrainingPlan plan{.objective = {.kl_weight = 2}, .kl_warmup = 4};
    const float expected[] = {0.5f, 1, 1.5f, 2, 2, 2};
    for (Index epoch = 1; epoch <= 6; ++epoch)
        CHECK(plan.objective_of(epoch).kl_weight == expected[epoch - 1]);
    CHECK(TrainingPlan{}.objective_of(1).kl_weight == 1);
}

TEST_CASE("trainer: interrupted after any batch and resumed, the weights end the same") {
    Run whole({}, 2);
    whole.trainer->run({});
    for (int stop_after = 1; stop_after <= 8; ++stop_after) {
        CAPTURE(stop_after);
        Run first({}, 2), second({}, 2);
        int done = 0;
        TrainerEvents events;
        events.batch_done = [&](const BatchProgress&) { ++done; };
        events.interrupted = [&] { return done == stop_after; };
        CHECK(first.trainer->run(events) == Outcome::interrupted);
        // What a checkpoint holds.
        second.trainer->position = first.trainer->position;
        std::copy(first.model.arena().values().begin(), first.model.arena().values().end(),
                  second.model.arena().values().begin());
        for (std::size_t b = 0; b < 2; ++b)
            std::copy(first.adam.state()[b].values.begin(), first.adam.state()[b].values.end(),
                      second.adam.state()[b].values.begin());
        second.adam.resume_at(first.adam.steps());
        Index epochs = 0;
        TrainerEvents rest;
        rest.epoch_done = [&](const EpochMetrics& m, bool) { epochs = m.epoch; };
        CHECK(second.trainer->run(rest) == Outcome::finished);
        CHECK(epochs == 2);
        CHECK(same_bits(whole.weights(), second.weights()));
    }
}

TEST_CASE("trainer: evaluation repeats the validation to the last digit") {
    Run run({.objective = {.kl_weight = 0.5f}, .seed = 3}, 2);
    EpochMetrics last;
    TrainerEvents events;
    events.epoch_done = [&](const EpochMetrics& m, bool) { last = m; };
    run.trainer->run(events);
    Evaluator evaluator(run.model, run.validation);
    const NoiseSource noise{3, Purpose::validation_noise, 2};
    const LossTerms again = evaluator.evaluate(&noise, 0.5f);
    CHECK(again.loss == last.val_loss);
    CHECK(again.recon == last.val_recon);
    const LossTerms mean = evaluator.evaluate(nullptr, 0.5f);
    CHECK(mean.recon != again.recon);
    CHECK(mean.kl == again.kl);
}

TEST_CASE("trainer: patience ends a run that no longer gets better") {
    // A learning rate of nothing: val_loss only varies with its noise.
    Run run({.patience = 3}, 500);
    TrainingPlan plan{.epochs = 500, .batch_size = 16, .lr = 1e-30, .patience = 3};
    Trainer trainer(run.model, run.adam, plan, run.train, run.validation);
    Index last = 0;
    TrainerEvents events;
    events.epoch_done = [&](const EpochMetrics& m, bool) { last = m.epoch; };
    CHECK(trainer.run(events) == Outcome::stopped_early);
    CHECK(last == trainer.position.best_epoch + 3);
    CHECK(trainer.run(events) == Outcome::stopped_early);
    CHECK(last == trainer.position.best_epoch + 3);
}

TEST_CASE("trainer: options take effect") {
    Run plain({}, 1);
    plain.trainer->run({});
    for (const TrainingPlan& plan :
         {TrainingPlan{.schedule = Schedule::cosine}, TrainingPlan{.clip_norm = 0.01},
          TrainingPlan{.objective = {.kl_weight = 2}}}) {
        Run other(plan, 1);
        other.trainer->run({});
        CHECK_FALSE(same_bits(plain.weights(), other.weights()));
    }
}

TEST_CASE("trainer: a loss that is not finite stops before the weights are touched") {
    Run run;
    run.model.arena().values()[0] = NAN;
    auto before = run.weights();
    CHECK_THROWS_WITH_AS(run.trainer->run({}), doctest::Contains("epoch 1, batch 1"), Error);
    CHECK(same_bits(before, run.weights()));
    CHECK(run.adam.steps() == 0);
}

TEST_CASE("trainer: data that does not fit is refused") {
    const IdxImages images = bars(10), empty{0, 4, 4, {}, ""};
    const IdxImages wide{10, 4, 5, std::vector<std::uint8_t>(200), ""};
    Vae model(small());
    Adam adam(model.arena(), {});
    CHECK_THROWS_AS(Trainer(model, adam, {.batch_size = 11}, images, images), Error);
    CHECK_THROWS_AS(Trainer(model, adam, {.batch_size = 5}, wide, images), Error);
    CHECK_THROWS_AS(Trainer(model, adam, {.batch_size = 5}, images, wide), Error);
    CHECK_THROWS_AS(Trainer(model, adam, {.batch_size = 5}, images, empty), Error);
}

TEST_CASE("trainer: no denormal number in weights, m or v after 20 epochs") {
    // Pixels that go dark leave moments that decay towards nothing: 3,140 steps are far more than
    // the 760 that 0.9^t takes to get below the normal numbers.
    const IdxImages lit = bars(2512);
    IdxImages dark = lit;
    for (std::size_t p = 0; p < dark.pixels.size(); p += 4) dark.pixels[p] = 0;
    Vae model(small());
    model.initialize(Initializer::glorot, 0);
    Adam adam(model.arena(), {});
    CHECK(Trainer(model, adam, {.epochs = 1, .batch_size = 16}, lit, lit).run({}) ==
          Outcome::finished);
    // The first row of the first weights: what the first pixel moves.
    const auto first_row = adam.state()[0].values.first(std::size_t(small().hidden[0]));
    const auto zeros = [&] { return std::count(first_row.begin(), first_row.end(), 0.0f); };
    CHECK(zeros() < small().hidden[0]);
    Trainer trainer(model, adam, {.epochs = 21, .batch_size = 16}, dark, dark);
    trainer.position.epoch = 2;
    CHECK(trainer.run({}) == Outcome::finished);
    CHECK(adam.steps() == 21 * 157);
    CHECK(zeros() == small().hidden[0]);  // all the way
    const auto count_denormals = [](std::span<const float> values) {
        return std::count_if(values.begin(), values.end(),
                             [](float v) { return std::fpclassify(v) == FP_SUBNORMAL; });
    };
    CHECK(count_denormals(model.arena().values()) == 0);
    for (const Optimizer::Buffer& buffer : adam.state()) {
        CAPTURE(buffer.name);
        CHECK(count_denormals(buffer.values) == 0);
    }
}
