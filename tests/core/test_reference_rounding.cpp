// Rounded against roundings that are known by hand, and against float itself.
#include "../../core/reference_rounding.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace handgrad;
using reference::Rounded;

TEST_CASE("Rounded: a result has the size of all that was rounded on the way") {
    const Rounded a(3), b(-2);
    CHECK(a.size() == 0);
    CHECK((a * b).real() == -6);
    CHECK((a * b).size() == 6);
    CHECK((a + b).size() == 1);
    CHECK((a / b).size() == 1.5);
    CHECK((a * 0.5).size() == 1.5);
    CHECK((-(a * b)).size() == 6);
    // Two coins: the mean square of a sum is known of all drawings, and of sixteen nearly.
    const double both = ((a * b) * Rounded(10)).size();  // 60 and 60 again
    CHECK(both >= 60 * std::sqrt(2.0) / 2);
    CHECK(both <= 60 * std::sqrt(2.0) * 2);
    // Terms that cancel leave their size.
    const Rounded rest = (Rounded(1e6) + Rounded(1)) - Rounded(1e6);
    CHECK(rest.real() == 1);
    CHECK(rest.size() >= 0.99e6);
    CHECK(rest.size() <= 1.01e6);
}

TEST_CASE("Rounded: exact operations have no error, and repeated ones the same") {
    const Rounded a = Rounded(1) / Rounded(3), b = Rounded(5) / Rounded(7);
    CHECK((a + Rounded(0)).size() == a.size());
    CHECK((a * Rounded(0)).size() == 0);
    CHECK((a + b - (a + b)).size() == 0);
    // Errors of numbers that differ in the last bit do not cancel.
    CHECK((a + b - (a + Rounded(std::nextafter(b.real(), 1.0)))).size() > 0.5);
    // So a sum of equal terms grows as their number, and not as its root.
    Rounded sum;
    for (int i = 0; i < 64; ++i) sum += a * b;
    CHECK(sum.size() > 64 * (a * b).size() / 2);
}

TEST_CASE("Rounded: functions carry errors on by their slopes") {
    const Rounded x = Rounded(2) / Rounded(3);
    const double size = x.size(), v = x.real();
    const auto near = [&](const Rounded& y, double value, double slope) {
        const double own = 5.2 * std::abs(value), carried = slope * size;
        CHECK(y.real() == value);
        CHECK(y.size() <= carried + own);
        CHECK(y.size() >= std::abs(carried - own));
    };
    near(exp(x), std::exp(v), std::exp(v));
    near(expm1(x), std::expm1(v), std::exp(v));
    near(log(x), std::log(v), 1 / v);
    near(log1p(x), std::log1p(v), 1 / (1 + v));
    near(tanh(x), std::tanh(v), 1 - std::tanh(v) * std::tanh(v));
}

TEST_CASE("Rounded: float stays within the bound, and comes near it") {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    double worst = 0;
    for (int repetition = 0; repetition < 2000; ++repetition) {
        // A chain of products, as a matrix product is, through a hidden layer of eight.
        float in_float = 0;
        double in_double = 0;
        Rounded rounded;
        for (int j = 0; j < 8; ++j) {
            float hidden = 0;
            double wide = 0;
            Rounded h;
            for (int i = 0; i < 30; ++i) {
                const float x = normal(random), w = normal(random);
                hidden = std::fma(x, w, hidden);
                wide += double(x) * double(w);
                h += Rounded(double(x)) * double(w);
            }
            const float v = normal(random);
            in_float = std::fma(hidden, v, in_float);
            in_double += wide * double(v);
            rounded += h * double(v);
        }
        CHECK(rounded.real() == in_double);
        const double error = std::abs(double(in_float) - in_double);
        worst = std::max(worst, error / (rounded.size() * reference::kFloatUnit));
    }
    CHECK(worst <= reference::kRoundingBound);
    CHECK(worst >= reference::kRoundingBound / 16);
}
