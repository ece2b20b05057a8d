// The error of a float in units of its last place.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace handgrad::test {

// |got - want| in units of the last place that a float near `want` has; below 2^-126 that is
// 2^-149. What overflows counts as 2^128, the number after the largest. NaN is right where NaN is
// wanted, and infinitely wrong elsewhere; so is any number where NaN is wanted.
inline double error_in_ulps(float got, double want) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (std::isnan(want)) return std::isnan(got) ? 0 : infinity;
    if (std::isnan(got)) return infinity;
    const auto saturated = [](double x) { return std::clamp(x, -0x1p128, 0x1p128); };
    // The binade of want: the exponent field of a double, of which 1023 stands for [1, 2).
    const auto field = std::bit_cast<std::uint64_t>(saturated(want)) >> 52 & 0x7ff;
    const int exponent = std::clamp(int(field) - 1023, -126, 127);
    const auto inverse_ulp = std::bit_cast<double>(std::uint64_t(1023 + 23 - exponent) << 52);
    return std::abs(saturated(got) - saturated(want)) * inverse_ulp;
}

}  // namespace handgrad::test
