// The checker is tested before anything is checked with it.
#include "ulps.hpp"

#include <doctest/doctest.h>

using handgrad::test::error_in_ulps;

namespace {
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kTiniest = std::numeric_limits<float>::denorm_min();
}  // namespace

TEST_CASE("error_in_ulps counts floats, in every binade and below all of them") {
    for (float x = kTiniest; x < kInfinity; x = x < 1e-38f ? x * 3 : x * 1.7f) {
        const float next = std::nextafter(x, kInfinity);
        CAPTURE(x);
        CHECK(error_in_ulps(x, x) == 0);
        CHECK(error_in_ulps(next, x) == 1);
        CHECK(error_in_ulps(-next, -double(x)) == 1);
        if (next < kInfinity) CHECK(error_in_ulps(x, (double(x) + next) / 2) == 0.5);
    }
    CHECK(error_in_ulps(kTiniest, 0) == 1);
    CHECK(error_in_ulps(0, 0x1p-200) == 0x1p-51);
    // From a power of two down, the floats are twice as near as its unit says.
    CHECK(error_in_ulps(std::nextafter(1.0f, 0.0f), 1) == 0.5);
}

TEST_CASE("error_in_ulps refuses a negated number and one of another size") {
    CHECK(error_in_ulps(-1, 1) == 0x1p24);
    CHECK(error_in_ulps(-1, -2) == 0x1p22);
    CHECK(error_in_ulps(0, 1) == 0x1p23);
    CHECK(error_in_ulps(-0.0f, 0) == 0);
}

TEST_CASE("error_in_ulps: infinity is the number after the largest") {
    CHECK(error_in_ulps(kInfinity, 1e300) == 0);
    CHECK(error_in_ulps(kInfinity, INFINITY) == 0);
    CHECK(error_in_ulps(-kInfinity, -INFINITY) == 0);
    CHECK(error_in_ulps(kLargest, INFINITY) == 1);
    CHECK(error_in_ulps(kInfinity, kLargest) == 1);
    CHECK(error_in_ulps(kInfinity, -INFINITY) == 0x1p25);
    CHECK(error_in_ulps(kInfinity, 1) >= 1e38);
}

TEST_CASE("error_in_ulps: NaN is right where NaN is wanted alone") {
    CHECK(error_in_ulps(NAN, NAN) == 0);
    for (const double number : std::initializer_list<double>{0, 1, -1e30, INFINITY, -INFINITY}) {
        CHECK(error_in_ulps(NAN, number) == INFINITY);
        CHECK(error_in_ulps(float(number), NAN) == INFINITY);
    }
}
