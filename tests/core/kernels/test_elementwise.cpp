// The element-wise kernels: all lengths, no stray writes, equal bits on every instruction set. That
// their values are right is shown where their ops live: tests/layers, losses, optim.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "../../../core/kernels/table.hpp"
#include "../../support/each_isa.hpp"

using namespace handgrad;
using namespace handgrad::test;
using kernels::KernelTable;

namespace {

constexpr float kGuard = -98765.0f;
constexpr Index kGuards = 20;

// Four arrays of n floats, guarded behind their ends, to read and to write.
struct Arrays {
    explicit Arrays(Index length) : n(length) {
        std::mt19937 generator(static_cast<unsigned>(length));
        std::uniform_real_distribution<float> uniform(0.01f, 0.99f);
        for (std::vector<float>& array : a) {
            array.assign(std::size_t(n + kGuards), kGuard);
            for (Index i = 0; i < n; ++i) array[std::size_t(i)] = uniform(generator);
        }
    }
    float* operator[](int k) { return a[k].data(); }
    bool guards_intact() const {
        bool intact = true;
        for (const std::vector<float>& array : a)
            for (Index i = n; i < n + kGuards; ++i) intact &= array[std::size_t(i)] == kGuard;
        return intact;
    }
    Index n;
    std::vector<float> a[4];
};

struct Kernel {
    std::string name;
    // Runs on the arrays; returns the sum, if the kernel has one.
    std::function<float(const KernelTable&, Arrays&)> run;
};

std::vector<Kernel> make_kernels() {
    std::vector<Kernel> all = {
        {"bce_with_logits", [](auto& t, Arrays& x) {
             return t.bce_with_logits(x[0], x[1], 0.25f, x[2], x.n);
         }},
        {"bce_with_probabilities", [](auto& t, Arrays& x) {
             return t.bce_with_probabilities(x[0], x[1], 0.25f, x[2], x.n);
         }},
        {"mse", [](auto& t, Arrays& x) { return t.mse(x[0], x[1], 0.25f, x[2], x.n); }},
        {"kl_divergence", [](auto& t, Arrays& x) {
             return t.kl_divergence(x[0], x[1], 0.25f, x[2], x[3], x.n);
         }},
        {"reparameterize", [](auto& t, Arrays& x) {
             std::vector<float> noise(std::size_t(x.n), 0.5f);
             t.reparameterize(x[0], x[1], noise.data(), x[2], x[3], x.n);
             return 0.0f;
         }},
        {"reparameterize_backward", [](auto& t, Arrays& x) {
             std::vector<float> deviation(std::size_t(x.n), 0.5f);
             t.reparameterize_backward(x[0], x[1], deviation.data(), x[2], x[3], x.n);
             return 0.0f;
         }},
        {"adam", [](auto& t, Arrays& x) {
             t.adam({0.1f, 0.001f, 1e-3f, 0.9f, 1e-8f}, x[0], x[1], x[2], x[3], x.n);
             return 0.0f;
         }},
        {"sgd", [](auto& t, Arrays& x) {
             t.sgd(0.1f, 0.9f, x[0], x[1], x[2], x.n);
             return 0.0f;
         }},
        {"sum_squares", [](auto& t, Arrays& x) { return t.sum_squares(x[0], x.n); }},
        {"scale", [](auto& t, Arrays& x) {
             t.scale(0.3f, x[0], x.n);
             return 0.0f;
         }},
        {"sum_rows", [](auto& t, Arrays& x) {
             std::vector<float> rows(std::size_t(3 * x.n));
             for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = float(i % 11) * 0.37f;
             t.sum_rows(rows.data(), x.n, 3, x.n, true, x[0]);
             t.sum_rows(rows.data(), x.n, 3, x.n, false, x[1]);
             return 0.0f;
         }},
    };
    for (Activation f : {Activation::linear, Activation::relu, Activation::tanh,
                         Activation::sigmoid}) {
        const std::string number = std::to_string(static_cast<int>(f));
        all.push_back({"activation_forward " + number, [f](auto& t, Arrays& x) {
                           for (Index i = 0; i < x.n; i += 2) x[0][i] -= 1;
                           t.activation_forward(f, x[0], x[1], x.n);
                           return 0.0f;
                       }});
        all.push_back({"activation_backward " + number, [f](auto& t, Arrays& x) {
                           for (Index i = 0; i < x.n; i += 3) x[1][i] = 0;
                           t.activation_backward(f, x[0], x[1], x[2], x.n);
                           return 0.0f;
                       }});
    }
    return all;
}

}  // namespace

TEST_CASE("element-wise kernels: every length, guards intact, bits equal to scalar") {
    std::vector<Index> lengths;
    for (Index n = 0; n <= 67; ++n) lengths.push_back(n);
    lengths.insert(lengths.end(), {100, 784, 1000});
    for (const Kernel& kernel : make_kernels()) {
        CAPTURE(kernel.name);
        for (Index n : lengths) {
            CAPTURE(n);
            Arrays expected(n);
            const float sum = kernel.run(kernel_table(Isa::scalar), expected);
            for_each_isa([&] {
                Arrays got(n);
                const float got_sum = kernel.run(active_kernels(), got);
                CHECK(got.guards_intact());
                if (active_isa() == Isa::sse2) {
                    // The same formulas with more roundings.
                    CHECK(std::abs(got_sum - sum) <= 1e-5f * std::abs(sum));
                    double worst = 0;
                    for (int k = 0; k < 4; ++k)
                        for (Index i = 0; i < n; ++i) {
                            const double error = std::abs(got[k][i] - expected[k][i]);
                            if (!(error <= worst)) worst = error;
                        }
                    CHECK(worst <= 1e-4);
                    return;
                }
                CHECK(std::memcmp(&got_sum, &sum, sizeof sum) == 0);
                for (int k = 0; k < 4; ++k)
                    CHECK(std::memcmp(got[k], expected[k], std::size_t(n) * sizeof(float)) == 0);
            });
        }
    }
}

TEST_CASE("sums: absent elements of a tail add nothing") {
    for_each_isa([&] {
        for (Index n = 0; n <= 40; ++n) {
            // Every term is log 2 for logit 0, and would be for an element that is not there.
            std::vector<float> zeros(std::size_t(n) + 1, 0.0f);
            const float sum =
                active_kernels().bce_with_logits(zeros.data(), zeros.data(), 1, nullptr, n);
            CHECK(std::abs(sum - double(n) * std::log(2.0)) <= 1e-5 * double(n));
        }
    });
}

TEST_CASE("activations at the kink, and NaN comes through") {
    for_each_isa([&] {
        const float x[4] = {-1, 0, 2, NAN};
        float y[4], dx[4];
        active_kernels().activation_forward(Activation::relu, x, y, 4);
        CHECK(y[0] == 0);
        CHECK(y[1] == 0);
        CHECK(y[2] == 2);
        CHECK(std::isnan(y[3]));
        const float dy[4] = {5, 5, 5, 5};
        active_kernels().activation_backward(Activation::relu, dy, y, dx, 3);
        CHECK(dx[0] == 0);
        CHECK(dx[1] == 0);
        CHECK(dx[2] == 5);
    });
}

TEST_CASE("pixels become k / 255, correctly rounded, for every k") {
    for_each_isa([&] {
        std::uint8_t pixels[256];
        float y[256];
        for (int k = 0; k < 256; ++k) pixels[k] = static_cast<std::uint8_t>(k);
        active_kernels().pixels_to_float(pixels, y, 256);
        int wrong = 0;
        for (int k = 0; k < 256; ++k) wrong += !(y[k] == float(k) / 255.0f);
        CHECK(wrong == 0);
    });
}
