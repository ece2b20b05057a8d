// The checkers are tested before anything is checked with them.
#include "near.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using handgrad::test::near_elements;
using handgrad::test::relative_l2_error;

namespace {
const std::vector<double> kWant = {1, -2, 3, 4};
const auto kBound = [](std::size_t) { return 1e-6; };
}  // namespace

TEST_CASE("near_elements passes equal arrays and those within the bound") {
    CHECK(near_elements(kWant, kWant, kBound));
    CHECK(near_elements(std::vector<double>{1 + 9e-7, -2, 3, 4 - 9e-7}, kWant, kBound));
    CHECK(near_elements(std::vector<float>{1, -2, 3, 4}, kWant, [](std::size_t) { return 0.0; }));
}

TEST_CASE("near_elements fails on one wrong element among many") {
    std::vector<double> want(1000, 1.0), got = want;
    got[617] += 2e-6;
    const auto verdict = near_elements(got, want, kBound);
    CHECK_FALSE(verdict);
    CHECK(verdict.message.find("1 of 1000") != std::string::npos);
    CHECK(verdict.message.find("617") != std::string::npos);
}

TEST_CASE("near_elements fails on a negated value, even where both are negative") {
    CHECK_FALSE(near_elements(std::vector<double>{1, 2, 3, 4}, kWant, kBound));
    CHECK_FALSE(near_elements(std::vector<double>{-5}, std::vector<double>{-1}, kBound));
}

TEST_CASE("near_elements fails on NaN and infinity wherever they stand") {
    for (const double bad : std::initializer_list<double>{NAN, INFINITY, -INFINITY}) {
        const std::vector<double> one_bad = {1, -2, bad, 4};
        CHECK_FALSE(near_elements(one_bad, kWant, kBound));
        CHECK_FALSE(near_elements(kWant, one_bad, kBound));
        CHECK_FALSE(near_elements(one_bad, one_bad, kBound));
    }
    CHECK_FALSE(near_elements(kWant, kWant, [](std::size_t) { return std::nan(""); }));
}

TEST_CASE("near_elements fails if either array is all zero and the other is not") {
    const std::vector<double> zeros(4);
    CHECK_FALSE(near_elements(zeros, kWant, kBound));
    CHECK_FALSE(near_elements(kWant, zeros, kBound));
    CHECK(near_elements(zeros, zeros, [](std::size_t) { return 0.0; }));
    CHECK_FALSE(near_elements(zeros, zeros, [](std::size_t) { return -1.0; }));
}

TEST_CASE("near_elements fails on other lengths and on nothing at all") {
    CHECK_FALSE(near_elements(std::vector<double>{1, -2, 3}, kWant, kBound));
    CHECK_FALSE(near_elements(kWant, std::vector<double>{1, -2, 3}, kBound));
    CHECK_FALSE(near_elements(std::vector<double>{}, kWant, kBound));
    CHECK_FALSE(near_elements(std::vector<double>{}, std::vector<double>{}, kBound));
}

TEST_CASE("near_elements honours the bound of each element") {
    const auto bound = [](std::size_t i) { return i == 0 ? 1.0 : 0.0; };
    CHECK(near_elements(std::vector<double>{1.5, 7}, std::vector<double>{1, 7}, bound));
    CHECK_FALSE(near_elements(std::vector<double>{1, 7.5}, std::vector<double>{1, 7}, bound));
}

TEST_CASE("relative_l2_error is the quotient of two Euclidean norms") {
    CHECK(relative_l2_error(std::vector<double>{3, 4}, std::vector<double>{0, 4}) == 0.75);
    CHECK(relative_l2_error(kWant, kWant) == 0);
    // Negated: ||2 w|| / ||w||.
    CHECK(relative_l2_error(std::vector<double>{-1, 2, -3, -4}, kWant) == 2);
}

TEST_CASE("relative_l2_error shows one wrong element among many as its share of the norm") {
    const std::vector<double> want(10000, 1.0);
    std::vector<double> got = want;
    got[6170] = 1.5;
    CHECK(relative_l2_error(got, want) == 0.005);
    got[6170] = -1;
    CHECK(relative_l2_error(got, want) == 0.02);
}

TEST_CASE("relative_l2_error never hides a NaN, a lost array or another length") {
    const double nan = std::nan("");
    const double with_nan = relative_l2_error(std::vector<double>{1, nan, 3, 4}, kWant);
    const double to_nan = relative_l2_error(kWant, std::vector<double>{1, nan, 3, 4});
    CHECK_FALSE(with_nan <= 1e300);
    CHECK_FALSE(to_nan <= 1e300);
    const std::vector<double> zeros(4);
    CHECK(relative_l2_error(zeros, kWant) == 1);
    CHECK(relative_l2_error(kWant, zeros) == INFINITY);
    CHECK(relative_l2_error(zeros, zeros) == 0);
    CHECK(relative_l2_error(std::vector<double>{1}, kWant) == INFINITY);
    CHECK(relative_l2_error(std::vector<double>{}, kWant) == INFINITY);
    CHECK(relative_l2_error(kWant, std::vector<double>{}) == INFINITY);
    CHECK(relative_l2_error(std::vector<double>{}, std::vector<double>{}) == INFINITY);
    for (const double infinite : {INFINITY, -INFINITY}) {
        const std::vector<double> one_infinite = {1, infinite, 3, 4};
        CHECK_FALSE(relative_l2_error(one_infinite, kWant) <= 1e300);
        CHECK_FALSE(relative_l2_error(kWant, one_infinite) <= 1e300);
        CHECK_FALSE(relative_l2_error(one_infinite, one_infinite) <= 1e300);
    }
}
