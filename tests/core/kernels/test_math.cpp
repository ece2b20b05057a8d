#include <algorithm>
#include <array>
#include <string>

#include "kernel_check.hpp"

using namespace handgrad;
using namespace handgrad::test;
using kernels::KernelTable;

namespace {

using Kernel = void (*)(const float*, float*, Index);

struct Function {
    const char* name;
    Kernel KernelTable::*kernel;
    double (*truth)(double);
    double ulps;           // the promised bound
    bool flushes = false;  // results that would be denormal may be +0
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::abs(x))); }

const Function kFunctions[] = {
    {"exp", &KernelTable::exp, std::exp, 1.2},
    {"expm1", &KernelTable::expm1, std::expm1, 1.7},
    {"log", &KernelTable::log, std::log, 1.2},
    {"log1p", &KernelTable::log1p, std::log1p, 1.9},
    {"sigmoid", &KernelTable::sigmoid, sigmoid, 2.4, true},
    {"tanh", &KernelTable::tanh, std::tanh, 2.6},
    {"softplus", &KernelTable::softplus, softplus, 2.2, true},
};

// |got - want| in units of the last place of want. What overflows counts as 2^128, the number
// after the largest; NaN is right where NaN is wanted, and infinitely wrong elsewhere.
double error_in_ulps(float got, double want) {
    if (std::isnan(want)) return std::isnan(got) ? 0 : kInfinity;
    const auto saturated = [](double x) { return std::clamp(x, -0x1p128, 0x1p128); };
    int exponent;
    std::frexp(saturated(want), &exponent);
    const double ulp = std::ldexp(1.0, std::clamp(exponent, -125, 128) - 24);
    const double error = std::abs(saturated(got) - saturated(want)) / ulp;
    return std::isnan(error) ? kInfinity : error;
}

// Calls body with blocks of x: every kStride-th of all floats, NaNs and infinities included. The
// stride is prime, so that no bit of the floats stays the same.
template <class Body>
void for_each_block_of_floats(Body&& body) {
    constexpr std::uint64_t kStride = 1009;
    std::vector<float> x;
    for (std::uint64_t bits = 0; bits < (std::uint64_t(1) << 32); bits += kStride) {
        const auto word = static_cast<std::uint32_t>(bits);
        float value;
        std::memcpy(&value, &word, sizeof value);
        x.push_back(value);
        if (x.size() == 4096 || bits + kStride >= (std::uint64_t(1) << 32)) {
            body(x);
            x.clear();
        }
    }
}

float value_at(const KernelTable& table, Kernel KernelTable::*kernel, float x) {
    float y = kNan;
    (table.*kernel)(&x, &y, 1);
    return y;
}

}  // namespace

TEST_CASE("elementary functions keep their error bounds and bits over all floats") {
    for (const Function& function : kFunctions) {
        CAPTURE(function.name);
        struct Worst {
            double ulps = 0;
            float at = 0;
            std::size_t other_bits = 0;
        };
        std::array<Worst, 8> worst;
        for_each_block_of_floats([&](const std::vector<float>& x) {
            std::vector<double> want(x.size());
            for (std::size_t i = 0; i < x.size(); ++i) want[i] = function.truth(x[i]);
            std::vector<float> scalar(x.size()), got(x.size());
            (kernel_table(Isa::scalar).*function.kernel)(x.data(), scalar.data(), std::ssize(x));
            for (Isa isa : supported_isas()) {
                Worst& w = worst[static_cast<std::size_t>(isa)];
                (kernel_table(isa).*function.kernel)(x.data(), got.data(), std::ssize(x));
                for (std::size_t i = 0; i < x.size(); ++i) {
                    // The sign and payload of a NaN may differ.
                    const bool same = std::memcmp(&got[i], &scalar[i], sizeof(float)) == 0 ||
                                      (std::isnan(got[i]) && std::isnan(scalar[i]));
                    w.other_bits += !same;
                    const bool denormal = std::abs(want[i]) < std::numeric_limits<float>::min();
                    if (function.flushes && denormal && got[i] == 0) continue;
                    const double ulps = error_in_ulps(got[i], want[i]);
                    if (ulps > w.ulps) w = {ulps, x[i], w.other_bits};
                }
            }
        });
        for_each_table([&](const KernelTable& table) {
            const Worst& w = worst[static_cast<std::size_t>(table.isa)];
            INFO("worst error ", w.ulps, " ulps at ", w.at);
            CHECK(w.ulps <= function.ulps);
            if (has_fma(table.isa)) CHECK(w.other_bits == 0);
        });
    }
}

TEST_CASE("sine and cosine are within 2^-23 up to 2 pi and within 2^-22 up to 10000") {
    constexpr double kTwoPi = 6.283185307179586;
    const Function functions[] = {{"sin", &KernelTable::sin, std::sin, 0},
                                  {"cos", &KernelTable::cos, std::cos, 0}};
    std::vector<float> x = uniform_floats(100000, -float(kTwoPi), float(kTwoPi));
    const std::vector<float> far = uniform_floats(100000, -10000, 10000);
    x.insert(x.end(), far.begin(), far.end());
    // The zeros and extremes, where the reduced argument is smallest.
    for (int quarter = -6000; quarter <= 6000; ++quarter)
        x.push_back(static_cast<float>(quarter * kTwoPi / 4));
    for (float tiny : {0.0f, -0.0f, 1e-40f, -1e-20f, 1e-4f}) x.push_back(tiny);
    for (const Function& function : functions) {
        CAPTURE(function.name);
        const auto outputs = [&](const KernelTable& table) {
            std::vector<float> y(x.size());
            (table.*function.kernel)(x.data(), y.data(), std::ssize(x));
            return y;
        };
        for_each_table([&](const KernelTable& table) {
            const std::vector<float> got = outputs(table);
            std::vector<double> want(x.size());
            for (std::size_t i = 0; i < x.size(); ++i) want[i] = function.truth(x[i]);
            CHECK(near_elements(got, want, [&](std::size_t i) {
                return std::abs(x[i]) <= kTwoPi ? 0x1p-23 : 0x1p-22;
            }));
            CHECK(std::isnan(value_at(table, function.kernel, kInfinity)));
            CHECK(std::isnan(value_at(table, function.kernel, kNan)));
        });
        check_same_bits(outputs);
    }
}

TEST_CASE("elementary functions take their limits exactly") {
    const float huge = std::numeric_limits<float>::max();
    const float tiny = std::numeric_limits<float>::denorm_min();
    struct Value {
        Kernel KernelTable::*kernel;
        float x, y;
    };
    const Value values[] = {
        {&KernelTable::exp, 0, 1},
        {&KernelTable::exp, -0.0f, 1},
        {&KernelTable::exp, 88.73f, kInfinity},
        {&KernelTable::exp, huge, kInfinity},
        {&KernelTable::exp, kInfinity, kInfinity},
        {&KernelTable::exp, -105, 0},
        {&KernelTable::exp, -huge, 0},
        {&KernelTable::exp, -kInfinity, 0},
        {&KernelTable::expm1, 0, 0},
        {&KernelTable::expm1, kInfinity, kInfinity},
        {&KernelTable::expm1, huge, kInfinity},
        {&KernelTable::expm1, -kInfinity, -1},
        {&KernelTable::expm1, -huge, -1},
        {&KernelTable::expm1, -20, -1},
        {&KernelTable::log, 1, 0},
        {&KernelTable::log, 0, -kInfinity},
        {&KernelTable::log, -0.0f, -kInfinity},
        {&KernelTable::log, kInfinity, kInfinity},
        {&KernelTable::log, -1, kNan},
        {&KernelTable::log, -tiny, kNan},
        {&KernelTable::log, -kInfinity, kNan},
        {&KernelTable::log1p, 0, 0},
        {&KernelTable::log1p, tiny, tiny},
        {&KernelTable::log1p, -tiny, -tiny},
        {&KernelTable::log1p, -1, -kInfinity},
        {&KernelTable::log1p, -1.5f, kNan},
        {&KernelTable::log1p, kInfinity, kInfinity},
        {&KernelTable::log1p, -kInfinity, kNan},
        {&KernelTable::sigmoid, 0, 0.5f},
        {&KernelTable::sigmoid, 20, 1},
        {&KernelTable::sigmoid, huge, 1},
        {&KernelTable::sigmoid, kInfinity, 1},
        {&KernelTable::sigmoid, -huge, 0},
        {&KernelTable::sigmoid, -kInfinity, 0},
        {&KernelTable::tanh, 0, 0},
        {&KernelTable::tanh, 10, 1},
        {&KernelTable::tanh, -10, -1},
        {&KernelTable::tanh, kInfinity, 1},
        {&KernelTable::tanh, -kInfinity, -1},
        {&KernelTable::softplus, 100, 100},
        {&KernelTable::softplus, huge, huge},
        {&KernelTable::softplus, kInfinity, kInfinity},
        {&KernelTable::softplus, -huge, 0},
        {&KernelTable::softplus, -kInfinity, 0},
        {&KernelTable::sin, 0, 0},
        {&KernelTable::cos, 0, 1},
    };
    for_each_table([&](const KernelTable& table) {
        for (const Value& value : values) {
            const Index number = &value - values;
            const float got = value_at(table, value.kernel, value.x);
            CAPTURE(number);
            CAPTURE(value.x);
            CAPTURE(got);
            CHECK((std::isnan(value.y) ? std::isnan(got) : got == value.y));
        }
        for (const Function& function : kFunctions) {
            CAPTURE(function.name);
            CHECK(std::isnan(value_at(table, function.kernel, kNan)));
        }
    });
}

TEST_CASE("exp is a float as long as e^x is one") {
    for_each_table([](const KernelTable& table) {
        const float largest_argument = 0x1.62e42ep+6f;  // log of the largest float, rounded down
        CHECK(std::isfinite(value_at(table, &KernelTable::exp, largest_argument)));
        CHECK(value_at(table, &KernelTable::exp, std::nextafter(largest_argument, 89.0f)) ==
              kInfinity);
        CHECK(value_at(table, &KernelTable::exp, -103.0f) > 0);
    });
}

TEST_CASE("functions of arrays handle every length, also in place, and write nothing beyond it") {
    std::vector<Function> functions(std::begin(kFunctions), std::end(kFunctions));
    functions.push_back({"sin", &KernelTable::sin, std::sin, 2});
    functions.push_back({"cos", &KernelTable::cos, std::cos, 2});
    for (const Function& function : functions)
        for_each_length([&](Index n) {
            CAPTURE(function.name);
            CAPTURE(n);
            const std::vector<float> x = uniform_floats(n, 0.1f, 5);
            for_each_table([&](const KernelTable& table) {
                Guarded input(x), y(n);
                (table.*function.kernel)(input.data(), y.data(), n);
                std::vector<double> want(n);
                for (Index i = 0; i < n; ++i) want[i] = function.truth(x[i]);
                if (n > 0)
                    CHECK(near_elements(y, want, [&](std::size_t i) {
                        return 0x1p-23 * std::fmax(1, 4 * std::abs(want[i]));
                    }));
                CHECK(y.guards_intact());
                (table.*function.kernel)(input.data(), input.data(), n);
                CHECK(input.values() == y.values());
                CHECK(input.guards_intact());
            });
        });
}
