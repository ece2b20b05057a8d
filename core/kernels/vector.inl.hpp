// Sums and scaling.
#pragma once

#include "array.inl.hpp"

namespace handgrad::kernels {
namespace {

template <class Arch>
void sum_rows(const float* x, Index ldx, Index rows, Index cols, bool accumulate, float* y) {
    using S = Simd<Arch>;
    for_each_block<Arch>(cols, [&](Block<Arch> block) {
        auto sum = accumulate ? block.load(y) : S::set(0.0f);
        for (Index i = 0; i < rows; ++i) sum = sum + block.load(x + i * ldx);
        block.store(y, sum);
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
        block.store(x, block.load(x) * Simd<Arch>::set(factor));
    });
}

}  // namespace
}  // namespace handgrad::kernels
