#include "kernel_check.hpp"

using namespace handgrad;
using namespace handgrad::test;
using kernels::KernelTable;

namespace {

constexpr Activation kAll[] = {Activation::linear, Activation::relu, Activation::tanh,
                               Activation::sigmoid};

double forward(Activation f, double x) {
    switch (f) {
        case Activation::relu:
            return x > 0 ? x : 0;
        case Activation::tanh:
            return std::tanh(x);
        case Activation::sigmoid:
            return 1 / (1 + std::exp(-x));
        default:
            return x;
    }
}

double derivative(Activation f, double y) {
    switch (f) {
        case Activation::relu:
            return y > 0 ? 1 : 0;
        case Activation::tanh:
            return 1 - y * y;
        case Activation::sigmoid:
            return y * (1 - y);
        default:
            return 1;
    }
}

bool is_exact(Activation f) { return f == Activation::linear || f == Activation::relu; }

// The gradients at outputs y, which are in the range of f.
std::vector<float> outputs_of(Activation f, Index n, unsigned seed) {
    return f == Activation::sigmoid ? uniform_floats(n, 0, 1, seed)
                                    : uniform_floats(n, -1, 1, seed);
}

}  // namespace

TEST_CASE("activation_forward is f(x) for every length, also in place") {
    for (Activation f : kAll)
        for_each_length([&](Index n) {
            CAPTURE(static_cast<int>(f));
            CAPTURE(n);
            const std::vector<float> x = uniform_floats(n, -6, 6);
            for_each_table([&](const KernelTable& table) {
                Guarded input(x), y(n);
                table.activation_forward(f, input.data(), y.data(), n);
                CHECK(y.guards_intact());
                std::vector<double> want;
                for (float value : x) want.push_back(forward(f, value));
                // An ulp is at most 2 u of its number; 4 ulps are the bound of tanh.
                if (n > 0)
                    CHECK(near_elements(y, want, [&](std::size_t i) {
                        return is_exact(f) ? 0 : 8 * kU * std::abs(want[i]);
                    }));
                table.activation_forward(f, input.data(), input.data(), n);
                CHECK(input.values() == y.values());
                CHECK(input.guards_intact());
            });
        });
}

TEST_CASE("activation_backward is dy f'(x) for every length, also in place") {
    for (Activation f : kAll)
        for_each_length([&](Index n) {
            CAPTURE(static_cast<int>(f));
            CAPTURE(n);
            const std::vector<float> dy = uniform_floats(n, -3, 3, 2), y = outputs_of(f, n, 3);
            for_each_table([&](const KernelTable& table) {
                Guarded gradient(dy), output(y), dx(n);
                table.activation_backward(f, gradient.data(), output.data(), dx.data(), n);
                CHECK(dx.guards_intact());
                std::vector<double> want;
                for (Index i = 0; i < n; ++i) want.push_back(dy[i] * derivative(f, y[i]));
                // Derivatives are at most 1 and take at most three roundings, dy one more.
                if (n > 0)
                    CHECK(near_elements(dx, want, [&](std::size_t i) {
                        return is_exact(f) ? 0 : 4 * kU * std::abs(dy[i]);
                    }));
                table.activation_backward(f, gradient.data(), output.data(), gradient.data(), n);
                CHECK(gradient.values() == dx.values());
                CHECK(gradient.guards_intact());
            });
        });
}

TEST_CASE("sigmoid: derivatives that would make denormal numbers are +0") {
    const std::vector<float> y = {1e-20f, 1e-35f, 1e-35f, 0.5f}, dy = {-1, -1e-3f, 1, 1e-29f};
    for_each_table([&](const KernelTable& table) {
        std::vector<float> dx(4);
        table.activation_backward(Activation::sigmoid, dy.data(), y.data(), dx.data(), 4);
        CHECK(dx[0] == -1e-20f);
        for (int i : {1, 2}) {
            CHECK(dx[i] == 0);
            CHECK_FALSE(std::signbit(dx[i]));
        }
        CHECK(dx[3] == 0.25f * 1e-29f);
    });
}

TEST_CASE("relu: the kink counts as off, and NaN comes through") {
    for_each_table([](const KernelTable& table) {
        const std::vector<float> x = {-1, -0.0f, 0, 1e-40f, 2, kNan};
        std::vector<float> y(6), dx(6);
        table.activation_forward(Activation::relu, x.data(), y.data(), 6);
        CHECK(std::vector<float>(y.begin(), y.end() - 1) == std::vector<float>{0, 0, 0, 1e-40f, 2});
        CHECK(std::isnan(y[5]));
        const std::vector<float> dy(6, 5);
        table.activation_backward(Activation::relu, dy.data(), y.data(), dx.data(), 5);
        CHECK(std::vector<float>(dx.begin(), dx.end() - 1) == std::vector<float>{0, 0, 0, 5, 5});
        for (Activation f : kAll) {
            CAPTURE(static_cast<int>(f));
            const float nan = kNan;
            float got = 0;
            table.activation_forward(f, &nan, &got, 1);
            CHECK(std::isnan(got));
        }
    });
}

TEST_CASE("activations have the same bits on every instruction set with fma") {
    for (Activation f : kAll)
        for (Index n : {1, 15, 16, 63, 784}) {
            CAPTURE(static_cast<int>(f));
            CAPTURE(n);
            std::vector<float> x = uniform_floats(n, -20, 20, 4);
            x[0] = -0.0f;
            const std::vector<float> dy = uniform_floats(n, -3, 3, 5), y = outputs_of(f, n, 6);
            check_same_bits([&](const KernelTable& table) {
                std::vector<float> forward(n), backward(n);
                table.activation_forward(f, x.data(), forward.data(), n);
                table.activation_backward(f, dy.data(), y.data(), backward.data(), n);
                return concatenated({forward, backward});
            });
        }
}
