// How every element-wise kernel walks along its arrays: whole vectors first, then one with the
// elements that are left. Also sums in 16 virtual lanes.
#pragma once

#include "simd.hpp"

namespace handgrad::kernels {
namespace {

// A place in an array: `count` elements from `begin` on, a whole vector or, at the end, fewer.
template <class Arch>
struct Block {
    using S = Simd<Arch>;
    using F = typename S::F;
    Index begin;
    Index count;

    bool whole() const { return count == S::width; }
    // Elements that do not exist are loaded as zeros and not stored.
    F load(const float* p) const {
        return whole() ? S::load(p + begin) : S::load_first(p + begin, count);
    }
    void store(float* p, F x) const {
        if (whole())
            S::store(p + begin, x);
        else
            S::store_first(p + begin, x, count);
    }
    // x, with zeros in place of the elements that do not exist.
    F existing(F x) const {
        if (whole()) return x;
        float lanes[S::width];
        S::store(lanes, x);
        return S::load_first(lanes, count);
    }
};

// x, but +0 for |x| < 1e-30. Sigmoids of logits far below zero make gradients that are, or become
// in the products that follow, denormal numbers, and a processor takes a hundred times as long with
// those (measured: an epoch of 1.75 s grew to 2.74 s as more and more pixels were learned to be
// black).
template <class Arch>
typename Simd<Arch>::F without_tiny(typename Simd<Arch>::F x) {
    using S = Simd<Arch>;
    return S::select(S::abs(x) < S::set(1e-30f), S::set(0.0f), x);
}

// Calls body(block) for every vector of an array of n elements.
template <class Arch, class Body>
[[gnu::always_inline]] inline void for_each_block(Index n, Body&& body) {
    constexpr Index width = Simd<Arch>::width;
    Index i = 0;
    for (; i + width <= n; i += width) body(Block<Arch>{i, width});
    if (i < n) body(Block<Arch>{i, n - i});
}

// The sum of term(block) over an array: element j is added to virtual lane j mod 16.
template <class Arch, class Term>
[[gnu::always_inline]] inline float sum_of_blocks(Index n, Term&& term) {
    constexpr Index width = Simd<Arch>::width;
    constexpr int kRegisters = Lanes<Arch>::kRegisters;
    Lanes<Arch> lanes;
    Index i = 0;
    for (; i + kVirtualLanes <= n; i += kVirtualLanes)
        unroll<kRegisters>([&](int r) {
            lanes.sum[r] = lanes.sum[r] + term(Block<Arch>{i + r * width, width});
        });
    for (int r = 0; i < n; ++r, i += width) {
        const Block<Arch> block{i, n - i < width ? n - i : width};
        lanes.sum[r] = lanes.sum[r] + block.existing(term(block));
    }
    return lanes.total();
}

}  // namespace
}  // namespace handgrad::kernels
