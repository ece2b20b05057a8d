// Elementary functions of vectors, our own: the C library's differ from machine to machine, and
// xsimd's from instruction set to instruction set. Straight-line code of fused multiply-adds, so
// that every instruction set computes the same bits (sse2, which has none, comes close).
//
// Each polynomial is a weighted minimax fit (iteratively reweighted least squares at Chebyshev
// nodes, against values of 40 digits or more), its coefficients rounded to float; the error given
// is relative to the function, before rounding. In units of the last place the functions are within
//   exp 1.3, expm1 1.8, log 1.3, log1p 1.9, sigmoid 2.5, tanh 2.6, softplus 2.3
// at every float, sse2 included: tests/core/kernels/every_float.cpp tries them all, and
// tests/core/kernels/test_math.cpp a sample.
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
        const Reduced k = reduce_ln2(x);
        // 2^n in two factors: 2^n itself may be no normal float.
        const I half = S::shift_right(k.n, 1);
        return exp_reduced(k.r) * power_of_two(half) * power_of_two(S::subtract(k.n, half));
    }

    // exp(-|x|), all that the losses need: never above 1, so a single factor 2^n will do. +0 where
    // the result would be denormal.
    static F exp_of_minus_abs(F x) {
        const F argument = S::as_float(S::bit_or(S::as_int(x), S::set_int(kSignBit)));
        const Reduced k = reduce_ln2(argument);
        const F value = exp_reduced(k.r) * power_of_two(k.n);
        return S::select(argument < constant(kLogOfSmallest), constant(0.0f), value);
    }

    // exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1), without cancellation near 0. Computed as twice the
    // half of that, because 2^128 is no float.
    static F expm1(F x) {
        x = S::select(x > constant(89.0f), constant(89.0f), x);
        x = S::select(x < constant(-30.0f), constant(-30.0f), x);
        const Reduced k = reduce_ln2(x);
        const F scale = power_of_two(S::subtract(k.n, S::set_int(1)));
        const F half = S::fma(scale, expm1_reduced(k.r), scale - constant(0.5f));
        return half + half;
    }

    // log(x) = e ln 2 + log(1 + f), x = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2)).
    static F log(F x) {
        // Denormals are scaled into the normal range first.
        const auto tiny = x < constant(std::numeric_limits<float>::min());
        const Split split = split_exponent(S::select(tiny, x * constant(0x1p25f), x));
        const F e = S::to_float(split.e) - S::select(tiny, constant(25.0f), constant(0.0f));
        return with_log_limits(x, log_of_parts(e, split.f));
    }

    // log(1 + x): u = 1 + x has lost the digits x - (u - 1). With u = 2^e (1 + f) they belong to f,
    // as 2^-e times as much; where e = 0, that makes f all of x again.
    static F log1p(F x) {
        const F u = constant(1.0f) + x;
        const F lost =
            S::select(x > constant(1.0f), constant(1.0f) - (u - x), x - (u - constant(1.0f)));
        const Split split = split_exponent(u);
        const F exact = S::fma(lost, power_of_two(S::subtract(S::set_int(0), split.e)), split.f);
        // Beyond 2^64 the lost 1 does not count, and 2^-e may be no normal float.
        const F f = S::select(x > constant(0x1p64f), split.f, exact);
        return with_log_limits(u, log_of_parts(S::to_float(split.e), f));
    }

    // log(1 + t) for t in [0, 1], as the losses need it: t P(t - 271/512), with neither a division
    // nor a case; error 2^-27.6. About this centre the coefficients fall off quickly, and its own
    // P is all but exactly a float.
    static F log1p_unit(F t) {
        const F s = t - constant(0x1.0fp-1f);
        F p = constant(-0x1.a75d94p-9f);
        p = S::fma(p, s, constant(0x1.1d0fa4p-8f));
        p = S::fma(p, s, constant(-0x1.716dc0p-8f));
        p = S::fma(p, s, constant(0x1.52bb16p-7f));
        p = S::fma(p, s, constant(-0x1.3178a0p-6f));
        p = S::fma(p, s, constant(0x1.1491dcp-5f));
        p = S::fma(p, s, constant(-0x1.045db6p-4f));
        p = S::fma(p, s, constant(0x1.03c6b0p-3f));
        p = S::fma(p, s, constant(-0x1.1fab84p-2f));
        p = S::fma(p, s, constant(0x1.9aed00p-1f));
        return p * t;
    }

    // 1 / (1 + exp(-x)) from t = exp(-|x|) <= 1, which cannot overflow: 1 / (1 + t), or t / (1 + t)
    // for negative x. +0 below -87.34.
    static F sigmoid(F x) { return sigmoid_from(x, exp_of_minus_abs(x)); }
    static F sigmoid_from(F x, F t) {
        return S::div(S::select(x <= constant(0.0f), t, constant(1.0f)), constant(1.0f) + t);
    }

    // log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)). +0 below -87.34.
    static F softplus(F x) { return positive(x) + log1p_unit(exp_of_minus_abs(x)); }

    // max(x, 0), and NaN for NaN.
    static F positive(F x) { return S::select(x <= constant(0.0f), constant(0.0f), x); }

    // tanh(|x|) = -e / (2 + e), e = exp(-2 |x|) - 1, which ends at -1.
    static F tanh(F x) {
        const F e = expm1(constant(-2.0f) * S::abs(x));
        return with_sign_of(x, S::div(e, constant(2.0f) + e));
    }

    // For |x| <= 10000; beyond, the reduction loses digits.
    static F sin(F x) { return sine_of_quadrant(x, 0); }
    static F cos(F x) { return sine_of_quadrant(x, 1); }

  private:
    static constexpr float kInfinity = std::numeric_limits<float>::infinity();
    static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    // log(2^-126): above it exp is a normal float.
    static constexpr float kLogOfSmallest = -0x1.5d589ep+6f;
    // ln 2 in two parts; the first has 15 bits, so that its product with an exponent is exact.
    static constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits; those of this
    // number itself are zero.
    static constexpr float kRound = 0x1.8p23f;

    // |magnitude| with the sign of x.
    static F with_sign_of(F x, F magnitude) {
        const I sign = S::bit_and(S::as_int(x), S::set_int(kSignBit));
        return S::as_float(S::bit_or(S::as_int(S::abs(magnitude)), sign));
    }

    // x = n ln 2 + r. Of n only the low 9 bits count, which are all that an exponent takes.
    struct Reduced {
        F r;
        I n;
    };

    static Reduced reduce_ln2(F x) {
        const F shifted = S::fma(x, constant(0x1.715476p+0f), constant(kRound));  // x / ln 2
        const F n = shifted - constant(kRound);
        F r = S::fnma(n, constant(kLn2High), x);
        r = S::fnma(n, constant(kLn2Low), r);
        return {r, S::as_int(shifted)};
    }

    static F power_of_two(I n) {  // -126 <= n <= 127
        return S::as_float(S::shift_left(S::add(n, S::set_int(127)), 23));
    }

    // P of exp(r) = 1 + r + r^2 P(r) for |r| <= ln 2 / 2; error 2^-26.2.
    static F exp_series(F r) {
        F p = constant(0x1.6bebf0p-10f);
        p = S::fma(p, r, constant(0x1.1227f6p-7f));
        p = S::fma(p, r, constant(0x1.555674p-5f));
        p = S::fma(p, r, constant(0x1.5554b0p-3f));
        return S::fma(p, r, constant(0x1.fffffep-2f));
    }
    static F exp_reduced(F r) {
        return S::fma(S::fma(exp_series(r), r, constant(1.0f)), r, constant(1.0f));
    }
    static F expm1_reduced(F r) { return S::fma(exp_series(r), r * r, r); }

    // x = 2^e (1 + f), for normal positive x.
    struct Split {
        I e;
        F f;
    };

    static Split split_exponent(F x) {
        const I bits = S::as_int(x);
        // 0x3f3504f3 is sqrt(1/2): subtracting it carries into the exponent at the right place.
        const I e = S::shift_right(S::subtract(bits, S::set_int(0x3f3504f3)), 23);
        return {e, S::as_float(S::subtract(bits, S::shift_left(e, 23))) - constant(1.0f)};
    }

    static F log_of_parts(F e, F f) {
        return S::fma(e, constant(kLn2High), S::fma(e, constant(kLn2Low), log1p_reduced(f)));
    }

    // Infinity and NaN come back as they are, 0 gives -infinity, negatives NaN.
    static F with_log_limits(F x, F value) {
        value = S::select(x <= constant(std::numeric_limits<float>::max()), value, x);
        value = S::select(x == constant(0.0f), constant(-kInfinity), value);
        return S::select(x < constant(0.0f), constant(kNan), value);
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
        cosine = S::fma(cosine, square * square, S::fma(constant(-0.5f), square, constant(1.0f)));

        const I quadrant = S::add(S::as_int(shifted), S::set_int(quarters));
        const F odd = S::to_float(S::bit_and(quadrant, S::set_int(1)));
        const F value = S::select(odd == constant(1.0f), cosine, sine);
        const I sign = S::shift_left(S::bit_and(quadrant, S::set_int(2)), 30);
        return S::as_float(S::bit_xor(S::as_int(value), sign));
    }
};

}  // namespace
}  // namespace handgrad::kernels
