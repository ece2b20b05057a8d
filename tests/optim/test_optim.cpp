#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "../../core/error.hpp"
#include "../../core/parallel.hpp"
#include "../../core/reference.hpp"
#include "../../optim/adam.hpp"
#include "../../optim/clip.hpp"
#include "../../optim/schedule.hpp"
#include "../../optim/sgd.hpp"
#include "../support/each_isa.hpp"

using namespace handgrad;
using namespace handgrad::test;

namespace {

// A model of one parameter, 1 x n, and gradients that change from step to step.
struct Toy {
    explicit Toy(Index n) {
        arena.add("w", 1, n);
        arena.allocate();
        std::mt19937 generator(3);
        std::uniform_real_distribution<float> uniform(-1, 1);
        for (Index j = 0; j < n; ++j) w()[std::size_t(j)] = uniform(generator);
    }
    std::span<float> w() { return {arena.values().data(), std::size_t(count())}; }
    Index count() { return arena.parameter_count(); }
    void set_gradients(int step) {
        std::mt19937 generator{unsigned(step)};
        // From ordinary ones to far below epsilon, where the conventions part ways.
        for (Index j = 0; j < count(); ++j)
            arena.gradients()[std::size_t(j)] =
                std::ldexp(float(int(generator() % 2001) - 1000) / 1000, -int(j % 40));
    }
    ParameterArena arena;
};

}  // namespace

TEST_CASE("adam in every convention follows the reference over 100 steps") {
    for (const AdamConfig& config :
         {AdamConfig::keras(), AdamConfig::torch(), AdamConfig::iwae()}) {
        const EpsilonPlacement placement = config.placement;
        for_each_isa([&] {
            Toy toy(77);
            reference::Tensor<double> w(1, 77), m(1, 77), v(1, 77), g(1, 77);
            for (std::size_t j = 0; j < 77; ++j) w[j] = toy.w()[j], v[j] = config.first_v;
            const reference::AdamConfig same{.learning_rate = 1e-3,
                                             .beta1 = config.beta1,
                                             .epsilon = config.epsilon,
                                             .placement = placement == EpsilonPlacement::keras
                                                              ? reference::EpsilonPlacement::keras
                                                              : reference::EpsilonPlacement::torch,
                                             .delayed = config.delayed};
            Adam adam(toy.arena, config);
            double worst = 0;
            for (int t = 1; t <= 100; ++t) {
                toy.set_gradients(t);
                for (std::size_t j = 0; j < 77; ++j) g[j] = toy.arena.gradients()[j];
                reference::adam_step(same, t, g, w, m, v);
                adam.step(1e-3);
                for (std::size_t j = 0; j < 77; ++j) {
                    const double error = std::abs(toy.w()[j] - w[j]);
                    worst = error <= worst ? worst : error;
                }
            }
            // A step moves a weight by at most about lr; each is rounded to 2^-24 of a weight
            // below 1.2 and its size to about 1e-6: 100 (6e-8 + 1e-3 1e-6 ..) with room for the
            // moments' own roundings.
            CHECK(worst <= 100 * (0x1p-24 + 1e-3 * 1e-5));
            CHECK(adam.steps() == 100);
        });
    }
}

TEST_CASE("adam's constants are the defaults of Keras and of PyTorch") {
    const AdamConfig keras = AdamConfig::keras(), torch = AdamConfig::torch();
    CHECK(keras.epsilon == 1e-7);
    CHECK(keras.placement == EpsilonPlacement::keras);
    CHECK(torch.epsilon == 1e-8);
    CHECK(torch.placement == EpsilonPlacement::torch);
    for (const AdamConfig& config : {keras, torch}) {
        CHECK(config.beta1 == 0.9);
        CHECK(config.beta2 == 0.999);
    }
}

TEST_CASE("the first step of adam is the learning rate, whatever the gradient's size") {
    Toy toy(3);
    const std::vector<float> before(toy.w().begin(), toy.w().end());
    Adam adam(toy.arena, AdamConfig::torch());
    toy.arena.gradients()[0] = 1e-3f;
    toy.arena.gradients()[1] = -5.0f;
    toy.arena.gradients()[2] = 0.0f;
    adam.step(0.5);
    CHECK(std::abs(before[0] - toy.w()[0] - 0.5) <= 1e-5);
    CHECK(std::abs(toy.w()[1] - before[1] - 0.5) <= 1e-6);
    CHECK(toy.w()[2] == before[2]);
}

TEST_CASE("adam with delayed moments: the first step moves nothing, the second by the first") {
    Toy toy(1);
    const float before = toy.w()[0];
    Adam adam(toy.arena, AdamConfig::iwae());
    toy.arena.gradients()[0] = 3;
    adam.step(0.5);
    CHECK(toy.w()[0] == before);
    toy.arena.gradients()[0] = 1000;
    adam.step(0.5);
    // m1 = 0.01 3, v1 = 1 + 0.001 (9 - 1); the bias corrections are those of step 2.
    const double move =
        0.5 * std::sqrt(1 - 0.999 * 0.999) / (1 - 0.99 * 0.99) * 0.03 / (std::sqrt(1.008) + 1e-4);
    CHECK(std::abs(before - toy.w()[0] - move) <= 1e-6);
}

TEST_CASE("adam's moments never hold denormals") {
    Toy toy(64);
    toy.set_gradients(1);
    Adam adam(toy.arena, AdamConfig::keras());
    adam.step(1e-3);
    std::fill(toy.arena.gradients().begin(), toy.arena.gradients().end(), 0.0f);
    Index denormal = 0;
    for (int t = 0; t < 3000; ++t) {
        adam.step(1e-3);
        for (const Optimizer::Buffer& buffer : adam.state())
            for (float x : buffer.values)
                denormal += x != 0 && !(std::abs(x) >= std::numeric_limits<float>::min());
    }
    CHECK(denormal == 0);
    CHECK(adam.state()[0].values[0] == 0);
}

TEST_CASE("an optimiser resumed from its state goes on bit for bit, on any number of threads") {
    const int threads_before = thread_count();
    Toy whole(20000), first(20000), second(20000);
    Adam adam(whole.arena, AdamConfig::keras()), before(first.arena, AdamConfig::keras()),
        after(second.arena, AdamConfig::keras());
    for (int t = 1; t <= 20; ++t) {
        whole.set_gradients(t);
        adam.step(1e-3);
    }
    set_thread_count(3);
    for (int t = 1; t <= 8; ++t) {
        first.set_gradients(t);
        before.step(1e-3);
    }
    std::copy(first.arena.values().begin(), first.arena.values().end(),
              second.arena.values().begin());
    for (std::size_t b = 0; b < 2; ++b)
        std::copy(before.state()[b].values.begin(), before.state()[b].values.end(),
                  after.state()[b].values.begin());
    after.resume_at(8);
    for (int t = 9; t <= 20; ++t) {
        second.set_gradients(t);
        after.step(1e-3);
    }
    CHECK(std::memcmp(whole.arena.values().data(), second.arena.values().data(),
                      whole.arena.values().size_bytes()) == 0);
    set_thread_count(threads_before);
}

TEST_CASE("sgd, too, goes on from its state bit for bit") {
    Toy whole(1000), first(1000), second(1000);
    Sgd sgd(whole.arena, {}), before(first.arena, {}), after(second.arena, {});
    for (int t = 1; t <= 8; ++t) {
        whole.set_gradients(t);
        sgd.step(1e-3);
    }
    for (int t = 1; t <= 3; ++t) {
        first.set_gradients(t);
        before.step(1e-3);
    }
    std::copy(first.arena.values().begin(), first.arena.values().end(),
              second.arena.values().begin());
    REQUIRE(before.state().size() == 1);
    CHECK(before.state()[0].name == "velocity");
    REQUIRE(before.state()[0].values.size() == second.arena.values().size());
    std::copy(before.state()[0].values.begin(), before.state()[0].values.end(),
              after.state()[0].values.begin());
    after.resume_at(before.steps());
    for (int t = 4; t <= 8; ++t) {
        second.set_gradients(t);
        after.step(1e-3);
    }
    CHECK(after.steps() == 8);
    CHECK(std::memcmp(whole.arena.values().data(), second.arena.values().data(),
                      whole.arena.values().size_bytes()) == 0);
}

TEST_CASE("an update in parts, from both ends, gives the bits of one pass") {
    const auto same = [](auto make) {
        for_each_isa([&] {
            Toy whole(1000), parts(1000);
            const auto a = make(whole.arena), b = make(parts.arena);
            for (int t = 1; t <= 5; ++t) {
                whole.set_gradients(t);
                a->step(1e-2);
                parts.set_gradients(t);
                const std::span<const float> g = parts.arena.gradients();
                b->begin_step(1e-2);
                b->take(700, g.subspan(700));
                b->take(0, g.first(33));
                b->take(33, g.subspan(33, 667));
            }
            CHECK(a->steps() == b->steps());
            CHECK(std::memcmp(whole.arena.values().data(), parts.arena.values().data(),
                              whole.arena.values().size_bytes()) == 0);
        });
    };
    same([](ParameterArena& arena) { return std::make_unique<Adam>(arena, AdamConfig::keras()); });
    same([](ParameterArena& arena) { return std::make_unique<Adam>(arena, AdamConfig::torch()); });
    same([](ParameterArena& arena) { return std::make_unique<Sgd>(arena, SgdConfig{}); });
}

TEST_CASE("sgd with momentum: numbers that can be worked out in the head") {
    for_each_isa([&] {
        Toy toy(1);
        toy.w()[0] = 1;
        toy.arena.gradients()[0] = 2;
        Sgd sgd(toy.arena, {.momentum = 0.5});
        sgd.step(0.25);  // velocity -0.5
        CHECK(toy.w()[0] == 0.5f);
        sgd.step(0.25);  // velocity -0.75
        CHECK(toy.w()[0] == -0.25f);
        toy.arena.gradients()[0] = 0;
        sgd.step(0.25);  // velocity -0.375
        CHECK(toy.w()[0] == -0.625f);
    });
}

TEST_CASE("schedules: constant, tenths at one half and three quarters, half a cosine") {
    CHECK(scheduled_rate(Schedule::constant, 0.5, 99, 100, 10) == 0.5);
    CHECK(scheduled_rate(Schedule::step, 1.0, 49, 100, 10) == 1.0);
    CHECK(scheduled_rate(Schedule::step, 1.0, 50, 100, 10) == 0.1);
    CHECK(scheduled_rate(Schedule::step, 1.0, 74, 100, 10) == 0.1);
    CHECK(scheduled_rate(Schedule::step, 1.0, 75, 100, 10) == 0.01);
    for (int step : {0, 10, 50, 99}) {
        const double want = 0.5 * (1 + std::cos(3.14159265358979 * step / 100));
        CHECK(std::abs(scheduled_rate(Schedule::cosine, 1.0, step, 100, 10) - want) <= 1e-6);
    }
    CHECK_THROWS_AS(scheduled_rate(Schedule::step, 1.0, 100, 100, 10), Error);
    CHECK_THROWS_AS(scheduled_rate(Schedule::step, 1.0, -1, 100, 10), Error);
}

TEST_CASE("the schedule of IWAE has the published stages") {
    // The first epoch, counted from 0, that a stage no longer has; and 1e-4 round(10 10^(-i/7), 1).
    constexpr std::int64_t kEnds[] = {1, 4, 13, 40, 121, 364, 1093, 3280};
    constexpr double kRates[] = {1e-3, 7.2e-4, 5.2e-4, 3.7e-4, 2.7e-4, 1.9e-4, 1.4e-4, 1e-4};
    constexpr std::int64_t kSteps = 2980, kTotal = 4000 * kSteps;
    const auto rate = [&](std::int64_t step) {
        return scheduled_rate(Schedule::iwae, 1e-3, step, kTotal, kSteps);
    };
    for (std::size_t i = 0; i < 8; ++i) {
        CHECK(std::abs(kRates[i] - 1e-4 * std::round(100 * std::pow(10, -double(i) / 7)) / 10) <=
              1e-12);
        CHECK(std::abs(rate(i == 0 ? 0 : kEnds[i - 1] * kSteps) - kRates[i]) <= 1e-12);
        CHECK(std::abs(rate(kEnds[i] * kSteps - 1) - kRates[i]) <= 1e-12);
    }
    CHECK(std::abs(rate(kTotal - 1) - 1e-4) <= 1e-12);
    CHECK_THROWS_AS(scheduled_rate(Schedule::iwae, 1e-3, 0, 1, 0), Error);
}

TEST_CASE("clipping: a norm above the limit becomes the limit, one below stays") {
    for_each_isa([&] {
        Toy toy(10000);
        std::fill_n(toy.arena.gradients().begin(), 10000, 0.03f);  // norm 3
        CHECK(std::abs(clip_global_norm(toy.arena, 5.0) - 3.0) <= 1e-5);
        CHECK(toy.arena.gradients()[17] == 0.03f);
        CHECK(std::abs(clip_global_norm(toy.arena, 1.5) - 3.0) <= 1e-5);
        CHECK(std::abs(toy.arena.gradients()[17] - 0.015f) <= 1e-7);
        CHECK(std::abs(clip_global_norm(toy.arena, 100) - 1.5) <= 1e-5);
        CHECK_THROWS_AS(clip_global_norm(toy.arena, 0), Error);
    });
}

TEST_CASE("constants out of range are refused") {
    Toy toy(2);
    for (double beta : {1.0, -0.1, double(NAN)}) {
        CHECK_THROWS_AS(Adam(toy.arena, {.beta1 = beta}), Error);
        CHECK_THROWS_AS(Adam(toy.arena, {.beta2 = beta}), Error);
        CHECK_THROWS_AS(Sgd(toy.arena, {.momentum = beta}), Error);
    }
    CHECK_THROWS_AS(Adam(toy.arena, {.epsilon = 0}), Error);
    CHECK_THROWS_AS(Adam(toy.arena, {.epsilon = double(NAN)}), Error);
    CHECK_NOTHROW(Adam(toy.arena, {.beta1 = 0, .beta2 = 0}));
    CHECK_NOTHROW(Sgd(toy.arena, {.momentum = 0}));
}

TEST_CASE("Adam resumes at any step with the powers of beta of so many steps, and at once") {
    ParameterArena arena;
    Parameter& p = arena.add("w", 1, 1);
    arena.allocate();
    // Beyond 750,000 steps 0.999^t stays the same denormal number.
    for (const std::int64_t steps : {std::int64_t{0}, std::int64_t{1}, std::int64_t{7},
                                     std::int64_t{100'000}, std::int64_t{800'000}}) {
        Adam slow(arena, {}), fast(arena, {});
        for (std::int64_t t = 0; t < steps; ++t) slow.begin_step(0.001);
        fast.resume_at(steps);
        const auto after_one_more = [&](Adam& adam) {
            p.value(0, 0) = 0.5f;
            p.gradient(0, 0) = 0.25f;
            adam.step(0.001);
            return p.value(0, 0);
        };
        CHECK(after_one_more(slow) == after_one_more(fast));
    }
    Adam adam(arena, {});
    adam.resume_at(std::int64_t{9'000'000'000'000'000'000});
    CHECK(adam.steps() == std::int64_t{9'000'000'000'000'000'000});
    CHECK_THROWS_AS(adam.resume_at(-1), Error);
}
