// How far float's roundings can move a result: a number type for the reference (reference.hpp) that
// is a double and, beside it, some drawings of the error that float would have made up to there.
//
// Float turns each result y of an operation into y (1 + d), |d| <= u = 2^-24, and to first order
// the error of the last result is the sum, over all operations, of (its derivative with respect to
// y) times y d. With d = u or -u at random, one coin for each operation, that sum has the deviation
//
//   size u,   size^2 = sum over operations of (derivative y)^2
//
// `size` is the root of the sum of the squares of all terms that were rounded on the way, and no
// larger than the sum of their sizes. Where they cancel, as they do in a gradient near a minimum,
// it stays as large as they are. Every operation here passes the errors of its operands on, by its
// derivatives, and adds y or -y: kDrawings times at once, and the root of their mean square
// estimates `size`.
//
// The bound. Of independent d, spread evenly over [-u, u], a sum with this `size` exceeds t u size
// with probability 2 exp(-3 t^2 / 2) at most (Hoeffding 1963; an even spread is no wider than a
// normal one of its variance, u^2 / 3). Of N drawings, their mean square is size^2 q with N q from
// the chi-squared distribution of N degrees, at worst, so that t = L sqrt(q) for a bound of L times
// the estimate, and the mean over q of that probability is
//
//   2 (1 + 3 L^2 / N)^(-N / 2) = 5e-12 for N = 16 and L = 12,
//
// for each element that is compared. More roundings are counted than float makes: a product and its
// sum have two here, and one where they are fused.
//
// The coins are tossed by the operands' bits: like float, an operation that is repeated makes the
// same error again, and the errors of equal images add up here as they do there.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "reference_vae.hpp"

namespace handgrad::reference {

inline constexpr double kFloatUnit = 0x1p-24;
// The largest error that rounding makes, as a multiple of u size.
inline constexpr double kRoundingBound = 12;

class Rounded {
  public:
    static constexpr std::size_t kDrawings = 16;
    using Drawings = std::array<float, kDrawings>;

    Rounded() = default;
    Rounded(double value) : value_(value) {}  // exact

    double real() const { return value_; }

    // The root mean square of the errors, in units of u.
    double size() const {
        double squares = 0;
        for (const float e : errors_) squares += double(e) * double(e);
        return std::sqrt(squares / double(kDrawings));
    }

    // The same of a sum that is itself not rounded.
    static double size_of_sum(const std::vector<Rounded>& addends) {
        Rounded sum;
        for (const Rounded& addend : addends)
            for (std::size_t k = 0; k < kDrawings; ++k) sum.errors_[k] += addend.errors_[k];
        return sum.size();
    }

    // f(x), where f has this value and slope. Our functions are within 2.6 units of the last
    // place (kernels/math.inl.hpp), of which each is 2 u at most.
    static Rounded function(const Rounded& x, double value, double slope) {
        constexpr double kRoundings = 2 * 2.6;
        Rounded y(value);
        const float by = float(slope);
        for (std::size_t k = 0; k < kDrawings; ++k) y.errors_[k] = by * x.errors_[k];
        return y.round(x.value_, kRoundings);
    }

    Rounded operator-() const {
        Rounded y(-value_);
        for (std::size_t k = 0; k < kDrawings; ++k) y.errors_[k] = -errors_[k];
        return y;
    }
    friend Rounded operator+(const Rounded& a, const Rounded& b) {
        Rounded y(a.value_ + b.value_);
        for (std::size_t k = 0; k < kDrawings; ++k) y.errors_[k] = a.errors_[k] + b.errors_[k];
        if (a.value_ == 0 || b.value_ == 0) return y;  // nothing is rounded
        return y.round(b.value_);
    }
    friend Rounded operator-(const Rounded& a, const Rounded& b) { return a + -b; }
    friend Rounded operator*(const Rounded& a, const Rounded& b) {
        Rounded y(a.value_ * b.value_);
        const float fa = float(a.value_), fb = float(b.value_);
        for (std::size_t k = 0; k < kDrawings; ++k)
            y.errors_[k] = fb * a.errors_[k] + fa * b.errors_[k];
        return y.round(b.value_);
    }
    friend Rounded operator*(const Rounded& a, double exact) {
        Rounded y(a.value_ * exact);
        const float by = float(exact);
        for (std::size_t k = 0; k < kDrawings; ++k) y.errors_[k] = by * a.errors_[k];
        return y.round(exact);
    }
    friend Rounded operator/(const Rounded& a, const Rounded& b) {
        Rounded y(a.value_ / b.value_);
        const float inverse = float(1 / b.value_), quotient = float(y.value_);
        for (std::size_t k = 0; k < kDrawings; ++k)
            y.errors_[k] = (a.errors_[k] - quotient * b.errors_[k]) * inverse;
        return y.round(b.value_);
    }
    Rounded& operator+=(const Rounded& b) { return *this = *this + b; }
    Rounded& operator-=(const Rounded& b) { return *this = *this - b; }
    Rounded& operator*=(const Rounded& b) { return *this = *this * b; }
    Rounded& operator/=(const Rounded& b) { return *this = *this / b; }

  private:
    // Adds one rounding, or some: of the value itself, and of 1e-30, below which kernels take a
    // gradient for 0.
    Rounded& round(double operand, double times = 1) {
        constexpr double kTiny = 1e-30 / kFloatUnit;
        if (value_ == 0) return *this;
        const float by = float(times * (std::abs(value_) + kTiny));
        const std::uint32_t coins = toss(value_, operand), bits = std::bit_cast<std::uint32_t>(by);
        for (std::size_t k = 0; k < kDrawings; ++k) {
            const std::uint32_t sign = (coins & kCoins[k]) != 0 ? 0x80000000u : 0u;
            errors_[k] += std::bit_cast<float>(bits ^ sign);
        }
        return *this;
    }

    // Bits that look random, of two numbers: the finaliser of MurmurHash3.
    static std::uint32_t toss(double a, double b) {
        std::uint64_t h = std::bit_cast<std::uint64_t>(a) * 0x9e3779b97f4a7c15u ^
                          std::rotl(std::bit_cast<std::uint64_t>(b), 29);
        h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
        h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
        return std::uint32_t(h >> 32);
    }

    // One bit for each drawing, in a form that compilers make vectors of.
    static constexpr auto kCoins = [] {
        std::array<std::uint32_t, kDrawings> bits{};
        for (std::size_t k = 0; k < kDrawings; ++k) bits[k] = 1u << k;
        return bits;
    }();

    double value_ = 0;
    Drawings errors_{};
};

inline Rounded exp(const Rounded& x) {
    const double y = std::exp(x.real());
    return Rounded::function(x, y, y);
}
inline Rounded expm1(const Rounded& x) {
    return Rounded::function(x, std::expm1(x.real()), std::exp(x.real()));
}
inline Rounded log(const Rounded& x) {
    return Rounded::function(x, std::log(x.real()), 1 / x.real());
}
inline Rounded log1p(const Rounded& x) {
    return Rounded::function(x, std::log1p(x.real()), 1 / (1 + x.real()));
}
inline Rounded tanh(const Rounded& x) {
    const double y = std::tanh(x.real());
    return Rounded::function(x, y, 1 - y * y);
}

}  // namespace handgrad::reference
