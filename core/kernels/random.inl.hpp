// Normal numbers from random bits, and numbers from pixels.
#pragma once

#include "array.inl.hpp"
#include "math.inl.hpp"

namespace handgrad::kernels {
namespace {

// Box and Muller 1958: for u1 in (0, 1] and u2 in [0, 1), both uniform,
//   r = sqrt(-2 log u1);  r cos(2 pi u2) and r sin(2 pi u2) are independent N(0, 1).
template <class Arch>
void normal_from_bits(const std::uint32_t* bits, float* normal, Index pairs) {
    using S = Simd<Arch>;
    using F = typename S::F;
    using M = Math<Arch>;
    constexpr Index width = S::width;
    for_each_block<Arch>(pairs, [&](Block<Arch> block) {
        // 24 bits each, which a float holds exactly. Pairs that do not exist count as u1 = 1.
        float u1[width], u2[width];
        for (Index i = 0; i < width; ++i) {
            const std::uint32_t* pair = bits + 2 * (block.begin + i);
            const bool exists = i < block.count;
            u1[i] = exists ? static_cast<float>((pair[0] >> 8) + 1) * 0x1p-24f : 1.0f;
            u2[i] = exists ? static_cast<float>(pair[1] >> 8) * 0x1p-24f : 0.0f;
        }
        const F radius = S::sqrt(S::set(-2.0f) * M::log(S::load(u1)));
        const F angle = S::set(0x1.921fb6p+2f) * S::load(u2);
        float even[width], odd[width];
        S::store(even, radius * M::cos(angle));
        S::store(odd, radius * M::sin(angle));
        for (Index i = 0; i < block.count; ++i) {
            normal[2 * (block.begin + i)] = even[i];
            normal[2 * (block.begin + i) + 1] = odd[i];
        }
    });
}

template <class Arch>
void pixels_to_float(const std::uint8_t* pixels, float* y, Index n) {
    using S = Simd<Arch>;
    Index i = 0;
    for (; i + S::width <= n; i += S::width)
        S::store(y + i, S::div(S::load_pixels(pixels + i), S::set(255.0f)));
    for (; i < n; ++i) y[i] = static_cast<float>(pixels[i]) / 255.0f;
}

}  // namespace
}  // namespace handgrad::kernels
