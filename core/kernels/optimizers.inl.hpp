// One step of an optimiser over flat arrays; see optim/*.hpp for the formulas.
// A bracket is one operation that rounds once, so these are all the roundings:
//   adam   m = [fma([g - m], one_minus_beta1, m)];  v = [fma([fma(g, g, -v)], one_minus_beta2, v)]
//          w = [fma(-step_size, [m / [[[sqrt v] / root_bias_correction] + epsilon]], w)]
//          delayed: with m and v as they were before
//   sgd    velocity = [fma(-learning_rate, g, [momentum velocity])];  w = [w + velocity]
#pragma once

#include "array.inl.hpp"
#include "table.hpp"

namespace handgrad::kernels {
namespace {

template <class Arch, bool kDelayed>
void adam_blocks(const AdamStep& step, const float* gradient, float* w, float* m, float* v,
                 Index n) {
    using S = Simd<Arch>;
    using F = typename S::F;
    const F one_minus_beta1 = S::set(step.one_minus_beta1);
    const F one_minus_beta2 = S::set(step.one_minus_beta2);
    const F step_size = S::set(step.step_size), epsilon = S::set(step.epsilon);
    const F root_correction = S::set(step.root_bias_correction), zero = S::set(0.0f);
    // Dividing by 1 would change no bit and take nearly half as long again.
    const bool corrects_root = step.root_bias_correction != 1.0f;
    for_each_block<Arch>(n, [&](Block<Arch> block) {
        const F g = block.load(gradient);
        F first = block.load(m), second = block.load(v);
        const F first_before = first, second_before = second;
        first = S::fma(g - first, one_minus_beta1, first);
        second = S::fma(S::fma(g, g, S::neg(second)), one_minus_beta2, second);
        first = without_tiny<Arch>(first);
        second = S::select(second < S::set(1e-36f), zero, second);
        block.store(m, first);
        block.store(v, second);
        F root = S::sqrt(kDelayed ? second_before : second);
        if (corrects_root) root = S::div(root, root_correction);
        block.store(w, S::fnma(step_size, S::div(kDelayed ? first_before : first, root + epsilon),
                               block.load(w)));
    });
}

template <class Arch>
void adam(const AdamStep& step, const float* gradient, float* w, float* m, float* v, Index n) {
    if (step.delayed)
        adam_blocks<Arch, true>(step, gradient, w, m, v, n);
    else
        adam_blocks<Arch, false>(step, gradient, w, m, v, n);
}

template <class Arch>
void sgd(float learning_rate, float momentum, const float* gradient, float* w, float* velocity,
         Index n) {
    using S = Simd<Arch>;
    using F = typename S::F;
    const F rate = S::set(learning_rate), kept = S::set(momentum);
    for_each_block<Arch>(n, [&](Block<Arch> block) {
        const F move = S::fnma(rate, block.load(gradient), kept * block.load(velocity));
        block.store(velocity, move);
        block.store(w, block.load(w) + move);
    });
}

}  // namespace
}  // namespace handgrad::kernels
