// Elementary functions of vectors, our own: the C library's differ from machine to machine, and
// xsimd's from instruction set to instruction set. Straight-line code of fused multiply-adds, so
// that every instruction set computes the same bits (sse2, which has none, comes close).
//
// Each polynomial is a weighted minimax fit (iteratively reweighted least squares at 800 Chebyshev
// nodes against 40-digit values), its coefficients rounded to float; the error given is relative to
// the function, before rounding. Largest errors found over all floats are asserted in
// tests/core/kernels/test_math.cpp.
#pragma once

#include <limits>

#include "simd.hpp"

namespace handgrad::kernels {
namespace {

template <class Arch>
struct Math {
    using S = Simd<Arch>;
    using F = typename S::F;
    using I = typename S::I;

    static F constant(float x) { return S::set(x); }

    // exp(x) = 2^n exp(r), x = n ln 2 + r, |r| <= ln 2 / 2. Overflows to infinity above 88.72,
    // underflows through the denormals to +0 at -104.
    static F exp(F x) {
        x = S::select(x > constant(89.0f), constant(89.0f), x);
        x = S::select(x < constant(-104.0f), constant(-104.0f), x);
        const Reduced<F> k = reduce_ln2(x);
        // 2^n in two factors: 2^n itself may be no normal float.
        const I half = S::shift_right(k.n, 1);
        return (expm1_reduced(k.r) + constant(1.0f)) * power_of_two(half) *
               power_of_two(k.n - half);
    }

    // exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1), without cancellation near 0.
    static F expm1(F x) {
        F inner = S::select(x > constant(50.0f), constant(50.0f), x);
        inner = S::select(inner < constant(-30.0f), constant(-30.0f), inner);
        const Reduced<F> k = reduce_ln2(inner);
        const F scale = power_of_two(k.n);
        const F value = S::fma(scale, expm1_reduced(k.r), scale - constant(1.0f));
        return S::select(x > constant(50.0f), exp(x), value);
    }

    // log(x) = e ln 2 + log(1 + f), x = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2)).
    static F log(F x) {
        // Denormals are scaled into the normal range first.
        const auto tiny = x < constant(std::numeric_limits<float>::min());
        const F scaled = S::select(tiny, x * constant(0x1p25f), x);
        const I bits = S::as_int(scaled);
        // 0x3f3504f3 is sqrt(1/2): subtracting it carries into the exponent at the right place.
        const I e = S::shift_right(bits - S::set_int(0x3f3504f3), 23);
        const F f = S::as_float(bits - S::shift_left(e, 23)) - constant(1.0f);
        const F exponent = S::to_float(e) - S::select(tiny, constant(25.0f), constant(0.0f));
        F value = S::fma(exponent, constant(kLn2High),
                         S::fma(exponent, constant(kLn2Low), log1p_reduced(f)));
        // Infinity and NaN come back as they are, 0 gives -infinity, negatives NaN.
        value = S::select(x <= constant(std::numeric_limits<float>::max()), value, x);
        value = S::select(x == constant(0.0f), constant(-kInfinity), value);
        return S::select(x < constant(0.0f), constant(kNan), value);
    }

    // log(1 + x): u = 1 + x has lost the digits u - 1 - x, which come back as a correction / u.
    static F log1p(F x) {
        const F u = constant(1.0f) + x;
        const F lost = S::select(x > constant(1.0f), constant(1.0f) - (u - x),
                                 x - (u - constant(1.0f)));
        const F value = log(u) + S::div(lost, u);
        const auto small = S::both(x > constant(-0.29f), x < constant(kSqrt2Minus1));
        const F finite = S::select(small, log1p_reduced(x), value);
        return S::select(S::either(u <= constant(0.0f), u > constant(0x1p127f)), log(u), finite);
    }

    // log(1 + t) for t in [0, 1], as the losses need it: exact reduction, no division.
    static F log1p_unit(F t) {
        const auto upper = t > constant(kSqrt2Minus1);
        const F f = S::select(upper, (t - constant(1.0f)) * constant(0.5f), t);
        return log1p_reduced(f) + S::select(upper, constant(kLn2), constant(0.0f));
    }

    // 1 / (1 + exp(-x)), with t = exp(-|x|) <= 1: it cannot overflow.
    static F sigmoid(F x) { return sigmoid_from(x, exp(-S::abs(x))); }
    static F sigmoid_from(F x, F t) {
        return S::div(S::select(x < constant(0.0f), t, constant(1.0f)), constant(1.0f) + t);
    }

    // log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))
    static F softplus(F x) { return positive(x) + log1p_unit(exp(-S::abs(x))); }

    // max(x, 0), and NaN for NaN.
    static F positive(F x) { return S::select(x <= constant(0.0f), constant(0.0f), x); }

    // tanh(|x|) = e / (e + 2), e = exp(2 |x|) - 1; it rounds to 1 from 9.02 on.
    static F tanh(F x) {
        F magnitude = S::abs(x);
        magnitude = S::select(magnitude > constant(10.0f), constant(10.0f), magnitude);
        const F e = expm1(magnitude + magnitude);
        const F value = S::div(e, e + constant(2.0f));
        const I sign = S::bit_and(S::as_int(x), S::set_int(kSignBit));
        return S::as_float(S::bit_or(S::as_int(value), sign));
    }

    // For |x| <= 10000; beyond, the reduction loses digits.
    static F sin(F x) { return sine_of_quadrant(x, 0); }
    static F cos(F x) { return sine_of_quadrant(x, 1); }

  private:
    static constexpr float kInfinity = std::numeric_limits<float>::infinity();
    static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    static constexpr float kLn2 = 0x1.62e430p-1f;
    static constexpr float kSqrt2Minus1 = 0x1.a82798p-2f;
    static constexpr std::int32_t kSignBit = std::int32_t(0x80000000u);
    // ln 2 in two parts; the first has 15 bits, so that its product with an exponent is exact.
    static constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
    static constexpr float kRound = 0x1.8p23f;

    template <class Float>
    struct Reduced {
        Float r;
        I n;
    };

    static F power_of_two(I n) {  // -126 <= n <= 127
        return S::as_float(S::shift_left(n + S::set_int(127), 23));
    }

    // x = n ln 2 + r
    static Reduced<F> reduce_ln2(F x) {
        const F shifted = S::fma(x, constant(0x1.715476p+0f), constant(kRound));  // x / ln 2
        const F n = shifted - constant(kRound);
        F r = S::fnma(n, constant(kLn2High), x);
        r = S::fnma(n, constant(kLn2Low), r);
        return {r, S::as_int(shifted) - S::as_int(constant(kRound))};
    }

    // exp(r) - 1 = r + r^2 P(r) for |r| <= ln 2 / 2; error 2^-26.2.
    static F expm1_reduced(F r) {
        F p = constant(0x1.6bebf0p-10f);
        p = S::fma(p, r, constant(0x1.1227f6p-7f));
        p = S::fma(p, r, constant(0x1.555674p-5f));
        p = S::fma(p, r, constant(0x1.5554b0p-3f));
        p = S::fma(p, r, constant(0x1.fffffep-2f));
        return S::fma(p, r * r, r);
    }

    // log(1 + f) = f - f^2 / 2 + f^3 P(f) for 1 + f in [sqrt(1/2), sqrt(2)]; error 2^-30.3.
    static F log1p_reduced(F f) {
        F p = constant(0x1.14572ap-4f);
        p = S::fma(p, f, constant(-0x1.de6608p-4f));
        p = S::fma(p, f, constant(0x1.e70718p-4f));
        p = S::fma(p, f, constant(-0x1.fc1d48p-4f));
        p = S::fma(p, f, constant(0x1.2335b0p-3f));
        p = S::fma(p, f, constant(-0x1.555c5cp-3f));
        p = S::fma(p, f, constant(0x1.99a4cap-3f));
        p = S::fma(p, f, constant(-0x1.000006p-2f));
        p = S::fma(p, f, constant(0x1.555548p-2f));
        const F square = f * f;
        return S::fma(p, square * f, S::fma(constant(-0.5f), square, f));
    }

    // sin(x + quarters pi / 2): x = n pi / 2 + r, |r| <= pi / 4. The parity of n + quarters picks
    // sine or cosine of r, the next bit the sign.
    static F sine_of_quadrant(F x, std::int32_t quarters) {
        const F shifted = S::fma(x, constant(0x1.45f306p-1f), constant(kRound));  // x 2 / pi
        const F n = shifted - constant(kRound);
        F r = S::fnma(n, constant(0x1.92p+0f), x);  // pi / 2 in three parts
        r = S::fnma(n, constant(0x1.fb4p-12f), r);
        r = S::fnma(n, constant(0x1.4442d2p-24f), r);
        const F square = r * r;

        F sine = constant(0x1.6ccf5ep-19f);  // r + r^3 P(r^2); error 2^-37
        sine = S::fma(sine, square, constant(-0x1.a00f74p-13f));
        sine = S::fma(sine, square, constant(0x1.111108p-7f));
        sine = S::fma(sine, square, constant(-0x1.555556p-3f));
        sine = S::fma(sine, square * r, r);

        F cosine = constant(0x1.99e86ap-16f);  // 1 - r^2 / 2 + r^4 P(r^2); error 2^-33
        cosine = S::fma(cosine, square, constant(-0x1.6c0c28p-10f));
        cosine = S::fma(cosine, square, constant(0x1.55554ap-5f));
        cosine = S::fma(cosine, square * square,
                        S::fma(constant(-0.5f), square, constant(1.0f)));

        const I quadrant =
            S::as_int(shifted) - S::as_int(constant(kRound)) + S::set_int(quarters);
        const F odd = S::to_float(S::bit_and(quadrant, S::set_int(1)));
        const F value = S::select(odd == constant(1.0f), cosine, sine);
        const I sign = S::shift_left(S::bit_and(quadrant, S::set_int(2)), 30);
        return S::as_float(S::bit_xor(S::as_int(value), sign));
    }
};

}  // namespace
}  // namespace handgrad::kernels
