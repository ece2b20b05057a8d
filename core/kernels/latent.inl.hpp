// The Gaussian latent; see layers/gaussian_latent.hpp for the formulas.
#pragma once

#include "array.inl.hpp"
#include "math.inl.hpp"

namespace handgrad::kernels {
namespace {

// exp(20) is finite with room for sums; exp(-30) is no noise at all.
inline constexpr float kLogvarMin = -30.0f, kLogvarMax = 20.0f;

template <class Arch>
auto clamp_logvar(typename Simd<Arch>::F logvar) {
    using S = Simd<Arch>;
    const auto raised = S::select(logvar < S::set(kLogvarMin), S::set(kLogvarMin), logvar);
    return S::select(raised > S::set(kLogvarMax), S::set(kLogvarMax), raised);
}

// Where the clamp's derivative is 0. A NaN is not outside: it shows in the gradients too.
template <class Arch>
auto logvar_is_outside(typename Simd<Arch>::F logvar) {
    using S = Simd<Arch>;
    const auto below = logvar < S::set(kLogvarMin);
    const auto above = logvar > S::set(kLogvarMax);
    return S::either(below, above);
}

template <class Arch>
void reparameterize(const float* mu, const float* logvar, const float* noise, float* deviation,
                    float* z, Index n) {
    using S = Simd<Arch>;
    using F = typename S::F;
    for_each_block<Arch>(n, [&](Block<Arch> block) {
        const F l = clamp_logvar<Arch>(block.load(logvar));
        const F d = Math<Arch>::exp(S::set(0.5f) * l) * block.load(noise);
        block.store(deviation, d);
        block.store(z, block.load(mu) + d);
    });
}

template <class Arch>
void reparameterize_backward(const float* dz, const float* logvar, const float* deviation,
                             float* dmu, float* dlogvar, Index n) {
    using S = Simd<Arch>;
    using F = typename S::F;
    for_each_block<Arch>(n, [&](Block<Arch> block) {
        const F d = block.load(dz);
        block.store(dmu, block.load(dmu) + d);
        const F through_sigma = S::set(0.5f) * d * block.load(deviation);
        const F gradient =
            S::select(logvar_is_outside<Arch>(block.load(logvar)), S::set(0.0f), through_sigma);
        block.store(dlogvar, block.load(dlogvar) + gradient);
    });
}

}  // namespace
}  // namespace handgrad::kernels
