// The elementary functions with what they promise, and their worst errors over many floats. Shared
// by test_math.cpp, which takes a sample of all floats, and every_float.cpp, which takes them all.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
#include <span>
#include <vector>

#include "../../../core/isa.hpp"
#include "../../../core/kernels/table.hpp"
#include "../../../core/parallel.hpp"
#include "../../support/ulps.hpp"

namespace handgrad::test {

using Kernel = void (*)(const float*, float*, Index);

struct Function {
    const char* name;
    Kernel kernels::KernelTable::*kernel;
    double (*truth)(double);
    double ulps;           // the promised bound
    bool flushes = false;  // results that would be denormal may be +0
};

// In double, whose own error is about 2^-29 of a float's unit.
inline double true_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double true_softplus(double x) {
    return std::fmax(x, 0) + std::log1p(std::exp(-std::abs(x)));
}

// The bounds are what core/kernels/math.inl.hpp promises.
inline constexpr Function kFunctions[] = {
    {"exp", &kernels::KernelTable::exp, std::exp, 1.3},
    {"expm1", &kernels::KernelTable::expm1, std::expm1, 1.8},
    {"log", &kernels::KernelTable::log, std::log, 1.3},
    {"log1p", &kernels::KernelTable::log1p, std::log1p, 1.9},
    {"sigmoid", &kernels::KernelTable::sigmoid, true_sigmoid, 2.5, true},
    {"tanh", &kernels::KernelTable::tanh, std::tanh, 2.6},
    {"softplus", &kernels::KernelTable::softplus, true_softplus, 2.3, true},
};

// The worst of what a function did on one instruction set.
struct Worst {
    double ulps = 0;
    std::uint32_t at = 0;          // the bits of the argument
    std::uint64_t other_bits = 0;  // results with other bits than on the first set

    float argument() const { return std::bit_cast<float>(at); }
    void merge(const Worst& other) {
        if (other.ulps > ulps || (other.ulps == ulps && other.at < at))
            ulps = other.ulps, at = other.at;
        other_bits += other.other_bits;
    }
};

// One for each of the instruction sets.
using WorstOfEach = std::vector<Worst>;

inline WorstOfEach worst_of_arguments(const Function& function, std::span<const Isa> isas,
                                      std::span<const float> x) {
    WorstOfEach worst(isas.size());
    std::vector<float> first(x.size()), got(x.size());
    std::vector<double> want(x.size()), ulps(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) want[i] = function.truth(double(x[i]));
    for (std::size_t s = 0; s < isas.size(); ++s) {
        std::vector<float>& y = s == 0 ? first : got;
        (kernel_table(isas[s]).*function.kernel)(x.data(), y.data(), std::ssize(x));
        for (std::size_t i = 0; i < x.size(); ++i) {
            // Equal bits have the error that is known. The sign and payload of a NaN may differ.
            double error = ulps[i];
            const bool same = s > 0 && (std::bit_cast<std::uint32_t>(y[i]) ==
                                            std::bit_cast<std::uint32_t>(first[i]) ||
                                        (std::isnan(y[i]) && std::isnan(first[i])));
            if (!same) {
                const bool denormal = std::abs(want[i]) < std::numeric_limits<float>::min();
                error =
                    function.flushes && denormal && y[i] == 0 ? 0 : error_in_ulps(y[i], want[i]);
                worst[s].other_bits += s > 0;
            }
            if (s == 0) ulps[i] = error;
            if (!(error <= worst[s].ulps))
                worst[s].ulps = error, worst[s].at = std::bit_cast<std::uint32_t>(x[i]);
        }
    }
    return worst;
}

// The worst over every stride-th of all 2^32 floats, infinities, NaNs, denormals and -0 included.
inline WorstOfEach worst_of_floats(const Function& function, std::span<const Isa> isas,
                                   std::uint64_t stride) {
    constexpr std::uint64_t kFloats = std::uint64_t{1} << 32;
    constexpr Index kBlock = 4096;
    const Index arguments = Index((kFloats + stride - 1) / stride);
    WorstOfEach worst(isas.size());
    std::mutex mutex;
    parallel_for((arguments + kBlock - 1) / kBlock, 16, [&](Index begin, Index end) {
        WorstOfEach here(isas.size());
        std::vector<float> x;
        for (Index block = begin; block < end; ++block) {
            x.clear();
            for (Index i = block * kBlock; i < std::min(arguments, (block + 1) * kBlock); ++i)
                x.push_back(std::bit_cast<float>(std::uint32_t(std::uint64_t(i) * stride)));
            const WorstOfEach found = worst_of_arguments(function, isas, x);
            for (std::size_t s = 0; s < isas.size(); ++s) here[s].merge(found[s]);
        }
        const std::lock_guard lock(mutex);
        for (std::size_t s = 0; s < isas.size(); ++s) worst[s].merge(here[s]);
    });
    return worst;
}

}  // namespace handgrad::test
