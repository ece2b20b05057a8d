// Sums and scaling.
#pragma once

#include "array.inl.hpp"

namespace handgrad::kernels {
namespace {

template <class Arch>
void sum_rows(const float* x, Index ldx, Index rows, Index cols, bool accumulate, float* y) {
    using S = Simd<Arch>;
    using F = typename S::F;
    // Four vectors at a time are four chains of additions, which hide one another's latency.
    constexpr int kVectors = 4;
    Index j = 0;
    for (; j + kVectors * S::width <= cols; j += kVectors * S::width) {
        F sum[kVectors];
        unroll<kVectors>(
            [&](int v) { sum[v] = accumulate ? S::load(y + j + v * S::width) : S::set(0.0f); });
        for (Index i = 0; i < rows; ++i)
            unroll<kVectors>(
                [&](int v) { sum[v] = sum[v] + S::load(x + i * ldx + j + v * S::width); });
        unroll<kVectors>([&](int v) { S::store(y + j + v * S::width, sum[v]); });
    }
    for_each_block<Arch>(cols - j, [&](Block<Arch> block) {
        F sum = accumulate ? block.load(y + j) : S::set(0.0f);
        for (Index i = 0; i < rows; ++i) sum = sum + block.load(x + i * ldx + j);
        block.store(y + j, sum);
    });
}

template <class Arch>
float sum_squares(const float* x, Index n) {
    return sum_of_blocks<Arch>(n, [&](Block<Arch> block) {
        const auto value = block.load(x);
        return value * value;
    });
}

template <class Arch>
void scale(float factor, float* x, Index n) {
    for_each_block<Arch>(n, [&](Block<Arch> block) {
        block.store(x, without_tiny<Arch>(block.load(x) * Simd<Arch>::set(factor)));
    });
}

}  // namespace
}  // namespace handgrad::kernels
