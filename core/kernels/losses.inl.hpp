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
