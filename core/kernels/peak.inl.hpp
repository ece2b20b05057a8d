// Loops of nothing but fused multiply-adds in registers, and of nothing but loads: how fast this
// processor can be at most.
#pragma once

#include "simd.hpp"

namespace handgrad::kernels {
namespace {

// Runs `steps` vector fmas in each of 12 independent chains: more than latency 4 times two pipes,
// and with its two constants within 16 registers. Returns the floating-point operations done.
template <class Arch>
double run_fmas(Index steps, float* sink) {
    using S = Simd<Arch>;
    constexpr int kChains = 12;
    typename S::F chain[kChains];
    for (int c = 0; c < kChains; ++c) chain[c] = S::set(float(c));
    const typename S::F factor = S::set(0.5f), addend = S::set(1.0f);
    for (Index i = 0; i < steps; ++i)
        for (int c = 0; c < kChains; ++c) chain[c] = S::fma(chain[c], factor, addend);
    // Somebody must want the results, or there is no loop.
    float lanes[S::width];
    for (int c = 0; c < kChains; ++c) {
        S::store(lanes, chain[c]);
        *sink += lanes[0];
    }
    return 2.0 * kChains * double(S::width) * double(steps);
}

// Reads n floats, in 8 streams of additions so that no addition waits for the one before.
template <class Arch>
void read_floats(const float* x, Index n, float* sink) {
    using S = Simd<Arch>;
    constexpr int kStreams = 8;
    constexpr Index kStep = kStreams * S::width;
    typename S::F sum[kStreams];
    for (int s = 0; s < kStreams; ++s) sum[s] = S::set(0.0f);
    for (Index i = 0; i + kStep <= n; i += kStep)
        for (int s = 0; s < kStreams; ++s) sum[s] = sum[s] + S::load(x + i + s * S::width);
    float lanes[S::width];
    for (int s = 0; s < kStreams; ++s) {
        S::store(lanes, sum[s]);
        *sink += lanes[0];
    }
}

}  // namespace
}  // namespace handgrad::kernels
