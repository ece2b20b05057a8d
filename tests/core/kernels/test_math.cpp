#include <algorithm>
#include <map>
#include <mutex>
#include <string>

#include "elementary.hpp"
#include "kernel_check.hpp"

using namespace handgrad;
using namespace handgrad::test;
using kernels::KernelTable;

namespace {

float value_at(const KernelTable& table, Kernel KernelTable::*kernel, float x) {
    float y = kNan;
    (table.*kernel)(&x, &y, 1);
    return y;
}

}  // namespace

TEST_CASE("elementary functions keep their error bounds and bits over all floats") {
    // Prime, so that no bit of the floats stays the same; every_float.cpp takes them all.
    constexpr std::uint64_t kStride = 251;
    for (const Function& function : kFunctions) {
        CAPTURE(function.name);
        // What a stride passes by: zeros, ones, the edges of the binades and their neighbours.
        std::vector<float> edges = {0, 1, kNan, kInfinity};
        for (int exponent = -149; exponent < 128; ++exponent)
            edges.push_back(std::ldexp(1.0f, exponent));
        for (std::size_t i = edges.size(); i-- > 0;)
            for (float towards : {-kInfinity, kInfinity})
                edges.push_back(std::nextafter(edges[i], towards));
        for (std::size_t i = edges.size(); i-- > 0;) edges.push_back(-edges[i]);

        WorstOfEach worst = worst_of_floats(function, supported_isas(), kStride);
        const WorstOfEach at_edges = worst_of_arguments(function, supported_isas(), edges);
        for (std::size_t s = 0; s < worst.size(); ++s) {
            worst[s].merge(at_edges[s]);
            const Isa isa = supported_isas()[s];
            INFO(isa_name(isa), ": worst error ", worst[s].ulps, " ulps at ", worst[s].argument());
            CHECK(worst[s].ulps <= function.ulps);
            if (has_fma(isa)) CHECK(worst[s].other_bits == 0);
        }
    }
}

TEST_CASE("elementary functions are at least as exact as the project's targets") {
    const std::map<std::string, double> targets = {{"exp", 2},     {"expm1", 3},   {"log", 2},
                                                   {"log1p", 3},   {"sigmoid", 3}, {"tanh", 4},
                                                   {"softplus", 3}};
    CHECK(std::size(kFunctions) == targets.size());
    for (const Function& function : kFunctions) CHECK(function.ulps <= targets.at(function.name));
}

// A normal number takes one of 2^24 angles and as many logarithms: all are tried.
TEST_CASE("what makes a normal number: log, sine and cosine at every argument they ever have") {
    constexpr Index kBlock = 1 << 14;
    struct Errors {
        double log = 0, sin = 0, cos = 0;
    };
    for_each_table([](const KernelTable& table) {
        Errors worst;
        std::mutex mutex;
        parallel_for((1 << 24) / kBlock, 1, [&](Index begin, Index end) {
            Errors here;
            std::vector<float> u(kBlock), angle(kBlock), log(kBlock), sin(kBlock), cos(kBlock);
            for (Index block = begin; block < end; ++block) {
                for (Index i = 0; i < kBlock; ++i) {
                    u[std::size_t(i)] = float(block * kBlock + i + 1) * 0x1p-24f;
                    angle[std::size_t(i)] = 0x1.921fb6p+2f * (float(block * kBlock + i) * 0x1p-24f);
                }
                table.log(u.data(), log.data(), kBlock);
                table.sin(angle.data(), sin.data(), kBlock);
                table.cos(angle.data(), cos.data(), kBlock);
                const auto raise = [](double& error, double found) {
                    if (!(found <= error)) error = std::isnan(found) ? INFINITY : found;
                };
                for (std::size_t i = 0; i < u.size(); ++i) {
                    raise(here.log, error_in_ulps(log[i], std::log(double(u[i]))));
                    raise(here.sin, std::abs(sin[i] - std::sin(double(angle[i]))));
                    raise(here.cos, std::abs(cos[i] - std::cos(double(angle[i]))));
                }
            }
            const std::lock_guard lock(mutex);
            worst = {std::max(worst.log, here.log), std::max(worst.sin, here.sin),
                     std::max(worst.cos, here.cos)};
        });
        INFO("log ", worst.log, " ulps, sin ", worst.sin / kU, " and cos ", worst.cos / kU, " u");
        CHECK(worst.log <= 1.3);
        CHECK(worst.sin <= 0x1p-23);
        CHECK(worst.cos <= 0x1p-23);
    });
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
