// The losses of one row and their gradients; see losses/*.hpp for the formulas.
#pragma once

#include "array.inl.hpp"
#include "latent.inl.hpp"
#include "math.inl.hpp"

namespace handgrad::kernels {
namespace {

template <class Arch>
float bce_with_logits(const float* logits, const float* targets, float scale, float* dlogits,
                      Index n) {
    using S = Simd<Arch>;
    using M = Math<Arch>;
    using F = typename S::F;
    return sum_of_blocks<Arch>(n, [&](Block<Arch> block) {
        const F a = block.load(logits), t = block.load(targets);
        const F e = M::exp_of_minus_abs(a);  // one exp serves loss and gradient
        if (dlogits != nullptr)
            block.store(dlogits, without_tiny<Arch>((M::sigmoid_from(a, e) - t) * S::set(scale)));
        return S::fnma(a, t, M::positive(a)) + M::log1p_unit(e);
    });
}

template <class Arch>
float bce_with_probabilities(const float* probabilities, const float* targets, float scale,
                             float* dprobabilities, Index n) {
    using S = Simd<Arch>;
    using M = Math<Arch>;
    using F = typename S::F;
    const F low = S::set(1e-7f), high = S::set(1.0f - 1e-7f), one = S::set(1.0f);
    return sum_of_blocks<Arch>(n, [&](Block<Arch> block) {
        const F p = block.load(probabilities), t = block.load(targets);
        F c = S::select(p < low, low, p);
        c = S::select(c > high, high, c);
        if (dprobabilities != nullptr) {
            const F dp = S::div(c - t, c * (one - c)) * S::set(scale);
            block.store(dprobabilities, S::select(S::either(p<low, p> high), S::set(0.0f), dp));
        }
        return S::neg(S::fma(t, M::log(c), (one - t) * M::log1p(S::neg(c))));
    });
}

// PyTorch's: each logarithm is -100 at least, the divisor of the gradient 1e-12.
template <class Arch>
float bce_with_clamped_logs(const float* probabilities, const float* targets, float scale,
                            float* dprobabilities, Index n) {
    using S = Simd<Arch>;
    using M = Math<Arch>;
    using F = typename S::F;
    const F one = S::set(1.0f), least = S::set(-100.0f), smallest = S::set(1e-12f);
    const auto clamp = [&](F log) { return S::select(log < least, least, log); };
    return sum_of_blocks<Arch>(n, [&](Block<Arch> block) {
        const F p = block.load(probabilities), t = block.load(targets);
        if (dprobabilities != nullptr) {
            const F variance = p * (one - p);
            const F divisor = S::select(variance < smallest, smallest, variance);
            block.store(dprobabilities, S::div(p - t, divisor) * S::set(scale));
        }
        return S::neg(S::fma(t, clamp(M::log(p)), (one - t) * clamp(M::log1p(S::neg(p)))));
    });
}

// log((exp(a) - 1) / a) - a t, with e = 1 - exp(-|a|): max(a, 0) + log(e / |a|) - a t, whose
// derivative is 1 / e - 1 / a - t for a > 0 and 1 / |a| - exp(-|a|) / e - t for a < 0. For |a| <= 1
// there is too much to cancel, and the series of log(sinh(a / 2) / (a / 2)) takes their place: what
// it leaves out is below a^10 / 4.7e8.
template <class Arch>
float continuous_bernoulli(const float* logits, const float* targets, float scale, float* dlogits,
                           Index n) {
    using S = Simd<Arch>;
    using M = Math<Arch>;
    using F = typename S::F;
    const F one = S::set(1.0f), half = S::set(0.5f);
    return sum_of_blocks<Arch>(n, [&](Block<Arch> block) {
        const F a = block.load(logits), t = block.load(targets);
        const F size = S::abs(a), square = a * a;
        const auto is_small = size <= one;
        const F magnitude = S::select(is_small, one, size);
        const F e = S::neg(M::expm1(S::neg(magnitude)));
        if (dlogits != nullptr) {
            F series = S::fma(square, S::set(1.0f / 47900160), S::set(-1.0f / 1209600));
            series = S::fma(square, series, S::set(1.0f / 30240));
            series = S::fma(square, series, S::set(-1.0f / 720));
            series = S::fma(square, series, S::set(1.0f / 12));
            series = S::fma(a, series, half);
            const F inverse = S::div(one, magnitude);
            const F above = S::div(one, e) - inverse;
            const F below = inverse - S::div(M::exp_of_minus_abs(magnitude), e);
            const F far = S::select(a <= S::set(0.0f), below, above);
            const F slope = S::select(is_small, series, far);
            block.store(dlogits, without_tiny<Arch>((slope - t) * S::set(scale)));
        }
        F series = S::fma(square, S::set(-1.0f / 9676800), S::set(1.0f / 181440));
        series = S::fma(square, series, S::set(-1.0f / 2880));
        series = S::fma(square, series, S::set(1.0f / 24));
        // a / 2 - a t, and what is even in a.
        const F near = S::fma(a, half - t, square * series);
        const F far = S::fnma(a, t, M::positive(a)) + M::log(S::div(e, magnitude));
        return S::select(is_small, near, far);
    });
}

template <class Arch>
float mse(const float* y, const float* targets, float scale, float* dy, Index n) {
    using S = Simd<Arch>;
    using F = typename S::F;
    return sum_of_blocks<Arch>(n, [&](Block<Arch> block) {
        const F difference = block.load(y) - block.load(targets);
        if (dy != nullptr) block.store(dy, difference * S::set(2.0f * scale));
        return difference * difference;
    });
}

template <class Arch>
float kl_divergence(const float* mu, const float* logvar, float scale, float* dmu, float* dlogvar,
                    Index n) {
    using S = Simd<Arch>;
    using M = Math<Arch>;
    using F = typename S::F;
    const F half = S::set(0.5f), zero = S::set(0.0f);
    return sum_of_blocks<Arch>(n, [&](Block<Arch> block) {
        const F m = block.load(mu), unclamped = block.load(logvar);
        const F l = clamp_logvar<Arch>(unclamped);
        const F growth = M::expm1(l);
        if (dmu != nullptr) {
            block.store(dmu, m * S::set(scale));
            block.store(dlogvar, S::select(logvar_is_outside<Arch>(unclamped), zero,
                                           growth * half * S::set(scale)));
        }
        // Never negative: near 0 expm1 adds a square to l before it rounds, and elsewhere its error
        // is nothing beside exp(l) - 1 - l.
        return half * S::fma(m, m, growth - l);
    });
}

}  // namespace
}  // namespace handgrad::kernels
