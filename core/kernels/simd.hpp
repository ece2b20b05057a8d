// The vector type that every kernel is written in. The only file that includes xsimd.
//
// Simd<Arch> is a set of static functions over Simd<Arch>::F (floats), ::I (int32) and ::M (a mask
// of floats). F and I have + - * (and F / by div) and comparisons as operators; anything where
// xsimd 8.1 is missing an instruction, or where processors differ, has a function here instead:
//   fma    8.1 has none for AVX-512 (it multiplies, then adds)
//   neg    8.1 has 0 - x for AVX-512, which gives +0 for +0; write neg(x), never -x
//   div, sqrt   Newton approximations on NEON in xsimd; here always correctly rounded
//   max, min    x86 and NEON treat NaN and signed zeros differently; write select(a > b, a, b)
// What is chosen here is chosen by Arch, never by what the compiler may use: with -march=native the
// object of a narrow instruction set may use a wide one, too.
// Everything is in an unnamed namespace: each isa_*.cpp is compiled with its own flags, and a
// function shared between two of them could be the copy with the wider instructions.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include <xsimd/xsimd.hpp>
#ifdef __x86_64__
#include <immintrin.h>  // xsimd has the part of it that the flags allow
#endif

#include "../matrix.hpp"

#ifdef __FAST_MATH__
#error "not with -ffast-math: the numbers would differ from machine to machine, and isfinite() fail"
#endif

namespace handgrad::kernels {

// The one-lane architecture: plain float with std::fma, the scalar member of the family.
struct ScalarArch {};

namespace {

// Whether fma() rounds once. Without it (SSE2) the bits differ from every other set.
template <class Arch>
inline constexpr bool kHasFma = true;
template <>
inline constexpr bool kHasFma<xsimd::sse2> = false;

template <class Arch>
inline constexpr bool kIsAvx512 = std::is_base_of_v<xsimd::avx512f, Arch>;
template <class Arch>
inline constexpr bool kIsAvx2 = std::is_base_of_v<xsimd::avx2, Arch>;
template <class Arch>
inline constexpr bool kIsNeon = std::is_base_of_v<xsimd::neon, Arch>;

// The sign of a float, among its bits.
inline constexpr std::int32_t kSignBit = std::int32_t(0x80000000u);

template <class Arch>
struct Simd {
    using F = xsimd::batch<float, Arch>;
    using I = xsimd::batch<std::int32_t, Arch>;
    using M = xsimd::batch_bool<float, Arch>;
    static constexpr Index width = F::size;

    static F set(float x) { return F(x); }
    static I set_int(std::int32_t x) { return I(x); }
    static F load(const float* p) { return F::load_unaligned(p); }
    static void store(float* p, F x) { x.store_unaligned(p); }
    static I load_int(const std::int32_t* p) { return I::load_unaligned(p); }

    // The first n lanes (0 <= n <= width) from p, the others zero; and back.
    static F load_first(const float* p, Index n) {
#ifdef __x86_64__
        if constexpr (kIsAvx512<Arch>) return F(_mm512_maskz_loadu_ps(first_lanes(n), p));
#endif
        float lanes[width] = {};
        for (Index i = 0; i < n; ++i) lanes[i] = p[i];
        return load(lanes);
    }
    static void store_first(float* p, F x, Index n) {
#ifdef __x86_64__
        if constexpr (kIsAvx512<Arch>) return _mm512_mask_storeu_ps(p, first_lanes(n), x);
#endif
        float lanes[width];
        store(lanes, x);
        for (Index i = 0; i < n; ++i) p[i] = lanes[i];
    }

    // a * b + c with one rounding (two where kHasFma is false), and c - a * b.
    static F fma(F a, F b, F c) {
        if constexpr (kIsAvx512<Arch>)
            return F(_mm512_fmadd_ps(a, b, c));
        else
            return xsimd::fma(a, b, c);
    }
    static F fnma(F a, F b, F c) {
        if constexpr (kIsAvx512<Arch>)
            return F(_mm512_fnmadd_ps(a, b, c));
        else
            return fma(neg(a), b, c);
    }

    static F div(F a, F b) {
        if constexpr (kIsNeon<Arch>)
            return F(vdivq_f32(a, b));
        else
            return a / b;
    }
    static F sqrt(F x) {
        if constexpr (kIsNeon<Arch>)
            return F(vsqrtq_f32(x));
        else
            return xsimd::sqrt(x);
    }
    static F select(M mask, F yes, F no) { return xsimd::select(mask, yes, no); }
    static M both(M a, M b) { return a && b; }
    static M either(M a, M b) { return a || b; }

    // The same 32 bits, read as the other type.
    static I as_int(F x) { return xsimd::bitwise_cast<I>(x); }
    static F as_float(I x) { return xsimd::bitwise_cast<F>(x); }
    static F to_float(I x) { return xsimd::to_float(x); }
    // These wrap around.
    static I add(I a, I b) { return a + b; }
    static I subtract(I a, I b) { return a - b; }
    static I shift_left(I x, int bits) { return x << bits; }
    // Arithmetic: the sign bit is copied in.
    static I shift_right(I x, int bits) { return x >> bits; }
    static I bit_and(I a, I b) { return a & b; }
    static I bit_or(I a, I b) { return a | b; }
    static I bit_xor(I a, I b) { return a ^ b; }

    static F abs(F x) { return as_float(bit_and(as_int(x), set_int(0x7fffffff))); }
    static F neg(F x) { return as_float(bit_xor(as_int(x), set_int(kSignBit))); }

    // width pixels, each 0 to 255, as floats.
    static F load_pixels(const std::uint8_t* p) {
#ifdef __x86_64__
        [[maybe_unused]] const auto* bytes = reinterpret_cast<const __m128i*>(p);
        if constexpr (kIsAvx512<Arch>)
            return F(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(bytes))));
        if constexpr (kIsAvx2<Arch>)
            return F(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(bytes))));
#endif
        float lanes[width];
        for (Index i = 0; i < width; ++i) lanes[i] = p[i];
        return load(lanes);
    }

    // Transposes the width x width matrix whose rows are r[0 .. width).
    static void transpose(F (&r)[width]) {
#ifdef __x86_64__
        if constexpr (kIsAvx512<Arch>) return transpose16(r);
        if constexpr (kIsAvx2<Arch>) return transpose8(r);
#endif
        float lanes[width][width];
        for (Index i = 0; i < width; ++i) store(lanes[i], r[i]);
        for (Index i = 0; i < width; ++i)
            for (Index j = i + 1; j < width; ++j) {
                const float kept = lanes[i][j];
                lanes[i][j] = lanes[j][i];
                lanes[j][i] = kept;
            }
        for (Index i = 0; i < width; ++i) r[i] = load(lanes[i]);
    }

  private:
#ifdef __x86_64__
    static __mmask16 first_lanes(Index n) { return static_cast<__mmask16>((1u << n) - 1u); }

    // Four rounds of exchanges, at distances 1, 2 (inside 128-bit quarters), 4 and 8 (of quarters).
    static void transpose16(F (&r)[width]) {
        __m512 t[16], u[16];
        for (int i = 0; i < 16; i += 2) {
            t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
            t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
        }
        for (int i = 0; i < 16; i += 4) {
            u[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
            u[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
            u[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
            u[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
        }
        // u[4 q + c] holds in its quarter h the column 4 h + c of the rows 4 q .. 4 q + 3.
        for (int c = 0; c < 4; ++c) {
            const __m512 low = _mm512_shuffle_f32x4(u[c], u[4 + c], 0x88);
            const __m512 high = _mm512_shuffle_f32x4(u[c], u[4 + c], 0xdd);
            const __m512 low2 = _mm512_shuffle_f32x4(u[8 + c], u[12 + c], 0x88);
            const __m512 high2 = _mm512_shuffle_f32x4(u[8 + c], u[12 + c], 0xdd);
            r[c] = F(_mm512_shuffle_f32x4(low, low2, 0x88));
            r[8 + c] = F(_mm512_shuffle_f32x4(low, low2, 0xdd));
            r[4 + c] = F(_mm512_shuffle_f32x4(high, high2, 0x88));
            r[12 + c] = F(_mm512_shuffle_f32x4(high, high2, 0xdd));
        }
    }
    // Three: 1, 2 (inside halves), and 4 (of halves).
    static void transpose8(F (&r)[width]) {
        __m256 t[8], u[8];
        for (int i = 0; i < 8; i += 2) {
            t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
            t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
        }
        for (int i = 0; i < 8; i += 4) {
            u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
            u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
            u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
            u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
        }
        // u[4 q + c] holds in its half h the column 4 h + c of the rows 4 q .. 4 q + 3.
        for (int c = 0; c < 4; ++c) {
            r[c] = F(_mm256_permute2f128_ps(u[c], u[4 + c], 0x20));
            r[4 + c] = F(_mm256_permute2f128_ps(u[c], u[4 + c], 0x31));
        }
    }
#endif
};

template <>
struct Simd<ScalarArch> {
    using F = float;
    using I = std::int32_t;
    using M = bool;
    static constexpr Index width = 1;

    static F set(float x) { return x; }
    static I set_int(std::int32_t x) { return x; }
    static F load(const float* p) { return *p; }
    static void store(float* p, F x) { *p = x; }
    static I load_int(const std::int32_t* p) { return *p; }
    static F load_first(const float* p, Index n) { return n > 0 ? *p : 0.0f; }
    static void store_first(float* p, F x, Index n) {
        if (n > 0) *p = x;
    }
    static F fma(F a, F b, F c) { return std::fma(a, b, c); }
    static F fnma(F a, F b, F c) { return std::fma(-a, b, c); }
    static F div(F a, F b) { return a / b; }
    static F sqrt(F x) { return std::sqrt(x); }
    static F select(M mask, F yes, F no) { return mask ? yes : no; }
    static M both(M a, M b) { return a && b; }
    static M either(M a, M b) { return a || b; }
    static I as_int(F x) {
        I bits;
        std::memcpy(&bits, &x, sizeof bits);
        return bits;
    }
    static F as_float(I x) {
        F value;
        std::memcpy(&value, &x, sizeof value);
        return value;
    }
    static F to_float(I x) { return static_cast<F>(x); }
    // Through unsigned, where wrapping is defined, as vector registers wrap.
    static I add(I a, I b) {
        return static_cast<I>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
    }
    static I subtract(I a, I b) {
        return static_cast<I>(static_cast<std::uint32_t>(a) - static_cast<std::uint32_t>(b));
    }
    static I shift_left(I x, int bits) {
        return static_cast<I>(static_cast<std::uint32_t>(x) << bits);
    }
    static I shift_right(I x, int bits) { return x >> bits; }
    static I bit_and(I a, I b) { return a & b; }
    static I bit_or(I a, I b) { return a | b; }
    static I bit_xor(I a, I b) { return a ^ b; }
    static F abs(F x) { return as_float(as_int(x) & 0x7fffffff); }
    static F neg(F x) { return -x; }
    static F load_pixels(const std::uint8_t* p) { return static_cast<F>(*p); }
    static void transpose(F (&)[1]) {}
};

// Calls body(i) for i = 0 .. kCount-1, written out: an array of vectors that is indexed by nothing
// but such an i lives in registers. In a loop that the compiler does not unroll it lives in memory.
template <int kCount, class Body>
[[gnu::always_inline]] inline void unroll(Body&& body) {
    [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        (body(i), ...);
    }
    (std::make_integer_sequence<int, kCount>{});
}

// The 16 virtual lanes of a sum: kRegisters vectors whose lanes together are the lanes 0 to 15,
// whatever the width of the instruction set.
inline constexpr Index kVirtualLanes = 16;

template <class Arch>
struct Lanes {
    using S = Simd<Arch>;
    static constexpr Index kRegisters = kVirtualLanes / S::width;
    typename S::F sum[kRegisters];

    Lanes() {
        for (auto& s : sum) s = S::set(0.0f);
    }

    // The fixed tree: lane i takes lane i + 8, then i + 4, i + 2, i + 1.
    float total() const {
        float lanes[kVirtualLanes];
        for (Index r = 0; r < kRegisters; ++r) S::store(lanes + r * S::width, sum[r]);
        for (Index half = kVirtualLanes / 2; half > 0; half /= 2)
            for (Index i = 0; i < half; ++i) lanes[i] += lanes[i + half];
        return lanes[0];
    }
};

}  // namespace
}  // namespace handgrad::kernels
