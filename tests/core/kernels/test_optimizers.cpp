#include "kernel_check.hpp"

using namespace handgrad;
using namespace handgrad::test;
using kernels::AdamStep;
using kernels::KernelTable;

namespace {

// Adam's scalars at step t, folded in double.
AdamStep adam_step(bool torch, int t) {
    const double beta1 = 0.9, beta2 = 0.999, learning_rate = 1e-3;
    const double correction1 = 1 - std::pow(beta1, t), root2 = std::sqrt(1 - std::pow(beta2, t));
    return {float(1 - beta1), float(1 - beta2),
            float(learning_rate * (torch ? 1 : root2) / correction1), torch ? float(root2) : 1.0f,
            torch ? 1e-8f : 1e-7f};
}

}  // namespace

TEST_CASE("adam: three steps of both conventions for every length") {
    for (bool torch : {false, true})
        for_each_length([&](Index n) {
            CAPTURE(torch);
            CAPTURE(n);
            for_each_table([&](const KernelTable& table) {
                Guarded w(uniform_floats(n, -1, 1, 1)), m(std::vector<float>(n, 0.0f)),
                    v(std::vector<float>(n, 0.0f));
                for (int t = 1; t <= 3; ++t) {
                    Guarded gradient(uniform_floats(n, -1, 1, 10 + t));
                    const std::vector<float> w0 = w.values(), m0 = m.values(), v0 = v.values();
                    const AdamStep step = adam_step(torch, t);
                    table.adam(step, gradient.data(), w.data(), m.data(), v.data(), n);
                    CHECK(w.guards_intact());
                    CHECK(m.guards_intact());
                    CHECK(v.guards_intact());
                    if (n == 0) continue;

                    std::vector<double> want_w, want_m, want_v, bound_w, bound_m, bound_v;
                    for (Index i = 0; i < n; ++i) {
                        const double g = gradient[i];
                        const double m1 = m0[i] + (g - m0[i]) * step.one_minus_beta1;
                        const double v1 = v0[i] + (g * g - v0[i]) * step.one_minus_beta2;
                        const double denominator =
                            std::sqrt(v1) / step.root_bias_correction + step.epsilon;
                        const double move = step.step_size * m1 / denominator;
                        want_m.push_back(m1), want_v.push_back(v1), want_w.push_back(w0[i] - move);
                        // A difference, a product and a sum each round once.
                        bound_m.push_back(kU * 3 * (std::abs(m0[i]) + std::abs(g)));
                        bound_v.push_back(kU * 4 * (v0[i] + g * g * step.one_minus_beta2));
                        // v's bound is relative here, and the root halves it; then six operations.
                        bound_w.push_back(kU * (std::abs(w0[i]) + 12 * std::abs(move)) +
                                          step.step_size * bound_m.back() / denominator);
                    }
                    CHECK(near_elements(m, want_m, [&](std::size_t i) { return bound_m[i]; }));
                    CHECK(near_elements(v, want_v, [&](std::size_t i) { return bound_v[i]; }));
                    CHECK(near_elements(w, want_w, [&](std::size_t i) { return bound_w[i]; }));
                }
            });
        });
}

TEST_CASE("adam flushes moments that would decay into denormals to +0, and no others") {
    for_each_table([](const KernelTable& table) {
        // With g = 0 the moments shrink to 0.9 and 0.999 of what they were.
        const std::vector<float> gradient(4, 0.0f);
        std::vector<float> w(4, 1.0f), m = {1.1e-30f, -1.1e-30f, 1.2e-30f, -1.2e-30f},
                                       v = {1e-36f, 1e-38f, 1.1e-36f, 1};
        table.adam(adam_step(false, 100), gradient.data(), w.data(), m.data(), v.data(), 4);
        const auto is_plus_zero = [](float x) { return x == 0 && !std::signbit(x); };
        CHECK(is_plus_zero(m[0]));
        CHECK(is_plus_zero(m[1]));
        CHECK(m[2] > 1e-30f);
        CHECK(m[3] < -1e-30f);
        CHECK(is_plus_zero(v[0]));
        CHECK(is_plus_zero(v[1]));
        CHECK(v[2] > 1e-36f);
        CHECK(std::abs(v[3] - 0.999) <= 4 * kU);
        CHECK(w[0] == 1);
    });
}

TEST_CASE("a NaN gradient makes that weight, m and v NaN") {
    for_each_table([](const KernelTable& table) {
        std::vector<float> gradient = {1, kNan}, w(2), m(2), v(2);
        table.adam(adam_step(false, 1), gradient.data(), w.data(), m.data(), v.data(), 2);
        CHECK(std::isfinite(w[0]));
        CHECK(std::isnan(w[1]));
        CHECK(std::isnan(m[1]));
        CHECK(std::isnan(v[1]));
    });
}

TEST_CASE("sgd: velocity = momentum velocity - learning_rate gradient, w += velocity") {
    const float learning_rate = 0.1f;
    for (float momentum : {0.0f, 0.9f})
        for_each_length([&](Index n) {
            CAPTURE(momentum);
            CAPTURE(n);
            const std::vector<float> g = uniform_floats(n, -1, 1, 3),
                                     w0 = uniform_floats(n, -1, 1, 4),
                                     v0 = uniform_floats(n, -1, 1, 5);
            for_each_table([&](const KernelTable& table) {
                Guarded gradient(g), w(w0), velocity(v0);
                table.sgd(learning_rate, momentum, gradient.data(), w.data(), velocity.data(), n);
                CHECK(w.guards_intact());
                CHECK(velocity.guards_intact());
                if (n == 0) return;
                std::vector<double> want_velocity, want_w;
                for (Index i = 0; i < n; ++i) {
                    want_velocity.push_back(double(momentum) * v0[i] -
                                            double(learning_rate) * g[i]);
                    want_w.push_back(w0[i] + want_velocity.back());
                }
                // Two products and a difference, each below 1; then a sum below 2.
                CHECK(near_elements(velocity, want_velocity, [](std::size_t) { return 3 * kU; }));
                CHECK(near_elements(w, want_w, [](std::size_t) { return 5 * kU; }));
            });
        });
}

TEST_CASE("the optimisers have the same bits on every instruction set with fma") {
    for_each_length([](Index n) {
        CAPTURE(n);
        const std::vector<float> gradient = uniform_floats(n, -1e-3f, 1e-3f, 6);
        check_same_bits([&](const KernelTable& table) {
            std::vector<float> w = uniform_floats(n, -1, 1, 7), m(n), v(n), velocity(n);
            for (int t = 1; t <= 5; ++t) {
                table.adam(adam_step(t % 2 == 0, t), gradient.data(), w.data(), m.data(), v.data(),
                           n);
                table.sgd(0.01f, 0.9f, gradient.data(), w.data(), velocity.data(), n);
            }
            return concatenated({w, m, v, velocity});
        });
    });
}
