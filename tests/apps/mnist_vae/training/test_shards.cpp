#include "../../../../apps/mnist_vae/training/shards.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "../../../../apps/mnist_vae/training/trainer.hpp"
#include "../../../../core/error.hpp"
#include "../../../../core/parallel.hpp"
#include "../../../../core/random.hpp"
#include "../../../../optim/adam.hpp"
#include "../../../../optim/clip.hpp"
#include "../../../support/thread_ranks.hpp"
#include "bars.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;

namespace {

using Floats = std::vector<float>;
Floats copy_of(std::span<const float> values) { return {values.begin(), values.end()}; }

// A model, its optimiser and a trainer of 50 images in batches of 16: the last holds 2, fewer than
// most numbers of shards.
struct Run {
    explicit Run(TrainingPlan plan, Communicator& ranks = one_rank())
        : train(bars(50)),
          validation(bars(20)),
          model({.image_rows = 4, .image_cols = 4, .hidden = {12}, .latent = 2}),
          adam(model.arena(), {}) {
        plan.epochs = 3;
        plan.batch_size = 16;
        plan.lr = 0.01;
        model.initialize(Initializer::glorot, plan.seed);
        trainer = std::make_unique<Trainer>(model, adam, plan, train, validation, ranks);
        events.epoch_done = [this](const EpochMetrics& m, bool) { metrics.push_back(m); };
    }
    Floats weights() { return copy_of(model.arena().values()); }

    IdxImages train, validation;
    Vae model;
    Adam adam;
    std::unique_ptr<Trainer> trainer;
    TrainerEvents events;
    std::vector<EpochMetrics> metrics;
};

Floats plus(const Floats& a, const Floats& b) {
    Floats sum(a.size());
    for (std::size_t e = 0; e < a.size(); ++e) sum[e] = a[e] + b[e];
    return sum;
}

// The tree for each number of shards, written out.
Floats tree_sum(const std::vector<Floats>& g) {
    switch (g.size()) {
        case 2:
            return plus(g[0], g[1]);
        case 3:
            return plus(plus(g[0], g[1]), g[2]);
        case 4:
            return plus(plus(g[0], g[1]), plus(g[2], g[3]));
        case 5:
            return plus(plus(plus(g[0], g[1]), plus(g[2], g[3])), g[4]);
        case 7:
            return plus(plus(plus(g[0], g[1]), plus(g[2], g[3])), plus(plus(g[4], g[5]), g[6]));
        default:
            return g.at(0);
    }
}

// All that may not depend on the number of ranks.
bool same_results(const Run& a, const Run& b) {
    if (a.metrics.size() != b.metrics.size()) return false;
    for (std::size_t i = 0; i < a.metrics.size(); ++i) {
        const EpochMetrics &m = a.metrics[i], &n = b.metrics[i];
        if (m.loss != n.loss || m.recon != n.recon || m.kl != n.kl || m.val_loss != n.val_loss ||
            m.val_recon != n.val_recon || m.val_kl != n.val_kl || m.lr != n.lr ||
            m.clamped_logvars != n.clamped_logvars || m.step != n.step)
            return false;
    }
    return true;
}

}  // namespace

TEST_CASE("shards: every image is in one of them, and every shard on one rank") {
    for (Index n : {0, 1, 2, 16, 96, 97})
        for (Index shards : {1, 2, 3, 4, 7, 16}) {
            Index next = 0;
            for (Index s = 0; s < shards; ++s) {
                const Range part = cut(n, shards, s);
                CHECK(part.first == next);
                CHECK((part.count() == n / shards || part.count() == n / shards + 1));
                next = part.last;
            }
            CHECK(next == n);
        }
    for (Index shards = 1; shards <= 17; ++shards)
        for (int ranks = 1; ranks <= shards; ++ranks) {
            Index next = 0;
            for (int rank = 0; rank < ranks; ++rank)
                for (const Range& subtree : subtrees_of_rank(shards, ranks, rank)) {
                    CHECK(subtree.first == next);
                    CHECK(subtree.count() > 0);
                    next = subtree.last;
                }
            CHECK(next == shards);
        }
    CHECK(subtrees_of_rank(8, 4, 1) == std::vector<Range>{{2, 4}});
    CHECK(subtrees_of_rank(8, 3, 1) == std::vector<Range>{{2, 4}, {4, 5}});
}

TEST_CASE("shards: every step is the one that can be written by hand, as is the tree") {
    TrainingPlan plans[7];
    plans[1] = {.seed = 7, .sparsity = false, .fuse = false};
    plans[2] = {.clip_norm = 0.5, .objective = {.kl_weight = 0.5f}};
    plans[3] = {.objective = {.samples = 3, .importance_weighted = true}};
    plans[4] = {.objective = {.sum_over_batch = true}};
    plans[5] = {.kl_warmup = 3, .check_numerics = true};
    plans[6] = {.mistake = Mistake::shared_noise};
    for (TrainingPlan plan : plans)
        for (Index shards : {2, 3, 4, 5, 7}) {
            CAPTURE(&plan - plans);
            CAPTURE(shards);
            plan.shards = shards;
            Run run(plan), by_hand(plan);
            run.trainer->run(run.events);
            REQUIRE(run.metrics.size() == 3);

            Vae& model = by_hand.model;
            const Index k = plan.objective.samples;
            std::vector<std::uint32_t> order(50);
            for (std::uint32_t epoch = 1; epoch <= 3; ++epoch) {
                shuffle(plan.seed, epoch, order);
                double recon = 0, kl = 0;
                for (Index first = 0; first < 50; first += 16) {
                    const Index n = std::min<Index>(16, 50 - first);
                    std::vector<Floats> gradients;
                    double batch_recon = 0, batch_kl = 0;
                    for (Index s = 0; s < shards; ++s) {
                        const Index begin = n * s / shards, end = n * (s + 1) / shards;
                        if (begin == end) {
                            gradients.emplace_back(model.arena().gradients().size(), 0.0f);
                            continue;
                        }
                        Matrix x(end - begin, 16), noise((end - begin) * k, 2);
                        for (Index i = 0; i < x.rows(); ++i) {
                            const std::uint32_t image = order[std::size_t(first + begin + i)];
                            for (Index j = 0; j < 16; ++j)
                                x(i, j) = float(by_hand.train.pixels[image * 16 + std::size_t(j)]) /
                                          255.0f;
                            const bool shared = plan.mistake == Mistake::shared_noise;
                            Floats drawn(std::size_t(2 * k));
                            fill_normal(plan.seed, Purpose::training_noise, epoch,
                                        shared ? order[std::size_t(first)] : image, drawn);
                            for (Index e = 0; e < 2 * k; ++e)
                                noise(i * k + e / 2, e % 2) = drawn[std::size_t(e)];
                        }
                        Objective objective = plan.objective_of(Index(epoch));
                        objective.sum_over_batch = true;
                        const LossTerms terms = model.forward_training(x, noise, objective);
                        model.backward();
                        gradients.push_back(copy_of(model.arena().gradients()));
                        batch_recon += terms.recon * double(x.rows());
                        batch_kl += terms.kl * double(x.rows());
                    }
                    Floats sum = tree_sum(gradients);
                    for (float& g : sum) {
                        if (!plan.objective.sum_over_batch) g *= 1.0f / float(n);
                        if (std::abs(g) < 1e-30f) g = 0;
                    }
                    std::copy(sum.begin(), sum.end(), model.arena().gradients().begin());
                    if (plan.clip_norm > 0) clip_global_norm(model.arena(), plan.clip_norm);
                    by_hand.adam.step(0.01);
                    recon += batch_recon;
                    kl += batch_kl;
                }
                CHECK(run.metrics[epoch - 1].recon == recon / 50);
                CHECK(run.metrics[epoch - 1].kl == kl / 50);
            }
            CHECK(same_bits(run.weights(), by_hand.weights()));
        }
}

TEST_CASE("shards: any number of ranks computes the same bits") {
    const int before = thread_count();
    set_thread_count(1);
    TrainingPlan plans[3];
    plans[1] = {.clip_norm = 0.5, .check_numerics = true};
    plans[2] = {.draw_pixels = true, .patience = 1};
    for (TrainingPlan plan : plans)
        for (Index shards : {4, 5, 8}) {
            plan.shards = shards;
            Run alone(plan);
            alone.trainer->run(alone.events);
            for (int size : {1, 2, 3, 4}) {
                CAPTURE(&plan - plans);
                CAPTURE(shards);
                CAPTURE(size);
                std::vector<int> same(std::size_t(size), 0);
                ThreadRanks::run(size, [&](Communicator& ranks) {
                    Run run(plan, ranks);
                    run.trainer->run(run.events);
                    same[std::size_t(ranks.rank())] =
                        same_bits(run.weights(), alone.weights()) && same_results(run, alone);
                    const TimeSpent spent = run.trainer->time_spent();
                    if (size > 1 && !(spent.communication > 0)) same[0] = 0;
                    if (size == 1 && spent.communication != 0) same[0] = 0;
                });
                for (const int rank_is_same : same) CHECK(rank_is_same);
            }
        }
    set_thread_count(before);
}

TEST_CASE("shards: one rank that is interrupted stops all after the same batch") {
    std::vector<Index> batches(3, -1);
    std::vector<Floats> weights(3);
    ThreadRanks::run(3, [&](Communicator& ranks) {
        Run run({.shards = 3}, ranks);
        if (ranks.rank() == 2)
            run.events.interrupted = [&] { return run.trainer->position.batch == 2; };
        const Outcome outcome = run.trainer->run(run.events);
        const std::size_t rank = std::size_t(ranks.rank());
        if (outcome == Outcome::interrupted) batches[rank] = run.trainer->position.batch;
        weights[rank] = run.weights();
    });
    CHECK(batches == std::vector<Index>{2, 2, 2});
    CHECK(same_bits(weights[0], weights[1]));
    CHECK(same_bits(weights[0], weights[2]));
}

TEST_CASE("shards: the first shard that fails does so on every rank, in the same words") {
    for (int size : {1, 2, 3, 4}) {
        CAPTURE(size);
        std::vector<std::string> errors{std::size_t(size)};
        ThreadRanks::run(size, [&](Communicator& ranks) {
            ParameterArena arena;
            arena.add("w", 3, 5);
            arena.allocate();
            ShardedGradient sharded(arena, 5, ranks);
            try {
                sharded.add_up(1, [](Index shard) -> LossSums {
                    if (shard >= 2)
                        throw Error(ErrorKind::numeric, "shard " + std::to_string(shard), "broke",
                                    "1", "2");
                    return {};
                });
            } catch (const Error& e) {
                if (e.kind() == ErrorKind::numeric) errors[std::size_t(ranks.rank())] = e.what();
            }
        });
        for (const std::string& error : errors)
            CHECK(error == "shard 2: broke: found 1, expected 2");
    }
    Run run({.check_numerics = true, .shards = 4});
    run.model.arena().values()[0] = NAN;
    CHECK_THROWS_WITH_AS(run.trainer->run({}),
                         doctest::Contains("epoch 1, batch 1, shard 1: output of encoder.0"),
                         Error);
}

TEST_CASE("shards: a loss that is not finite stops every rank before weights are touched") {
    std::vector<int> right(2, 0);
    ThreadRanks::run(2, [&](Communicator& ranks) {
        Run run({.shards = 2}, ranks);
        run.model.arena().values()[0] = NAN;
        const Floats before = run.weights();
        try {
            run.trainer->run(run.events);
        } catch (const Error& e) {
            right[std::size_t(ranks.rank())] =
                e.kind() == ErrorKind::numeric && same_bits(before, run.weights()) &&
                std::string(e.what()).starts_with("epoch 1, batch 1: the loss is not finite");
        }
    });
    CHECK(right == std::vector<int>{1, 1});
}

TEST_CASE("shards: ranks whose weights have come apart are noticed by the end of the epoch") {
    std::vector<int> noticed(2, 0);
    ThreadRanks::run(2, [&](Communicator& ranks) {
        Run run({.shards = 2}, ranks);
        // As if a bit of memory had changed.
        if (ranks.rank() == 1) run.model.arena().values()[3] += 1e-6f;
        try {
            run.trainer->run(run.events);
        } catch (const Error& e) {
            noticed[std::size_t(ranks.rank())] = e.kind() == ErrorKind::mismatch;
        }
    });
    CHECK(noticed == std::vector<int>{1, 1});
}

TEST_CASE("shards: fewer of them than ranks are refused") {
    int refused = 0;
    ThreadRanks::run(2, [&](Communicator& ranks) {
        if (ranks.rank() == 1) return;
        try {
            Run run({.shards = 1}, ranks);
        } catch (const Error& e) {
            refused += e.kind() == ErrorKind::argument;
        }
    });
    CHECK(refused == 1);
}
