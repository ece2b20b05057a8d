// Comparisons of arrays for tests. Every one is written so that a NaN, in either array or in the
// bound, fails: the test is "difference <= bound", which no NaN satisfies.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <string>

namespace handgrad::test {

// What a comparison found. Converts to bool for CHECK; printed by doctest when the check fails.
struct Verdict {
    bool passed = false;
    std::string message;

    explicit operator bool() const { return passed; }
};

inline std::ostream& operator<<(std::ostream& out, const Verdict& verdict) {
    return out << verdict.message;
}

// ||got - want|| / ||want|| in the Euclidean norm. 0 if both are all zero; infinity if only `want`
// is, if the lengths differ, or if there are no elements, as nothing would have been compared; NaN
// if an element is NaN or an element of `want` is infinite.
template <class Got, class Want>
double relative_l2_error(const Got& got, const Want& want) {
    if (std::size(got) != std::size(want) || std::size(want) == 0)
        return std::numeric_limits<double>::infinity();
    double error = 0, norm = 0;
    for (std::size_t i = 0; i < std::size(want); ++i) {
        const double w = static_cast<double>(want[i]), d = static_cast<double>(got[i]) - w;
        error += d * d;
        norm += w * w;
    }
    return error == 0 && norm == 0 ? 0 : std::sqrt(error) / std::sqrt(norm);
}

// Passes if |got[i] - want[i]| <= bound(i) for every i and the lengths are equal. The bound of an
// element is to be derived at the place of the test, e.g. k u sum |a| |b| for a dot product.
// Fails for two empty arrays: nothing would have been compared.
template <class Got, class Want, class Bound>
Verdict near_elements(const Got& got, const Want& want, Bound bound) {
    if (std::size(got) != std::size(want))
        return {false, std::to_string(std::size(got)) + " elements, expected " +
                           std::to_string(std::size(want))};
    if (std::size(want) == 0) return {false, "no elements to compare"};
    std::size_t wrong = 0, first = 0;
    for (std::size_t i = 0; i < std::size(want); ++i) {
        const double difference = static_cast<double>(got[i]) - static_cast<double>(want[i]);
        if (std::abs(difference) <= bound(i)) continue;
        if (wrong++ == 0) first = i;
    }
    if (wrong == 0) return {true, "all near"};
    return {false, std::to_string(wrong) + " of " + std::to_string(std::size(want)) +
                       " elements differ, the first at " + std::to_string(first) + ": found " +
                       std::to_string(got[first]) + ", expected " + std::to_string(want[first]) +
                       ", bound " + std::to_string(bound(first))};
}

}  // namespace handgrad::test
