// The inner part of every matrix product: packing a panel of B and multiplying rows of A by it.
//
// Plainly, C = A B is
//     for i, j:  c[i][j] = +0;  for p = 0 .. k-1:  c[i][j] = fma(a[i][p], b[p][j], c[i][j])
// and this code departs from that in three ways, none of which changes a bit of the result:
//   1. A micro-tile of MR rows by NR = kVectors * width columns of C stays in registers while p
//      runs, so that MR + kVectors loads feed MR * kVectors fmas. Each element of C is still one
//      chain over increasing p.
//   2. NR columns of B are a panel of column blocks, each a stream of cache lines:
//
//          block 0:  b[0][j .. j+16)     b[1][j .. j+16)     ...  b[k-1][j .. j+16)
//          block 1:  b[0][j+16 .. j+32)  b[1][j+16 .. j+32)  ...
//
//      Weights are kept like that. Another B is copied ("packed") first, unless it meets one
//      micro-tile of rows alone, for which it is read as it lies. Columns that do not exist
//      are zero. A panel of few columns is only as many vectors wide as it needs.
//   3. Rows that do not fill a micro-tile run through narrower ones (4, 2, 1 rows).
//
// A is read MR elements at a time, each broadcast to a whole vector: from MR rows side by side, or,
// where A is the transpose of what lies in memory, from tiles that are packed first,
//
//          tile:  a[i .. i+MR)[0]  a[i .. i+MR)[1]  ...  a[i .. i+MR)[k-1]
//
// because the MR elements would come from another page at every step of k (measured: 81 instead of
// 93 % of the peak).
#pragma once

#include <type_traits>

#include "activation.inl.hpp"
#include "simd.hpp"
#include "table.hpp"

namespace handgrad::kernels {
namespace {

template <class Arch>
Index panel_vectors(Index n) {
    return (n + Simd<Arch>::width - 1) / Simd<Arch>::width;
}

// Where vector v of a row begins, from the row's first block.
template <class Arch>
Index vector_offset(Index v, Index block_stride) {
    const Index column = v * Simd<Arch>::width;
    return column / kBlockCols * block_stride + column % kBlockCols;
}

template <class Arch>
void pack_b(const float* b, Index ldb, Index k, Index n, float* panel) {
    using S = Simd<Arch>;
    const Index whole = n / S::width;
    for (Index p = 0; p < k; ++p, b += ldb, panel += kBlockCols) {
        for (Index v = 0; v < whole; ++v)
            S::store(panel + vector_offset<Arch>(v, k * kBlockCols), S::load(b + v * S::width));
        if (whole * S::width < n)
            S::store(panel + vector_offset<Arch>(whole, k * kBlockCols),
                     S::load_first(b + whole * S::width, n - whole * S::width));
    }
}

// Squares of width x width elements are transposed in registers.
template <class Arch>
void pack_b_transposed(const float* bt, Index ldbt, Index block_stride, Index k, Index n,
                       float* panel) {
    using S = Simd<Arch>;
    constexpr Index width = S::width;
    for (Index v = 0; v < panel_vectors<Arch>(n); ++v) {
        const Index columns = n - v * width < width ? n - v * width : width;
        float* to = panel + vector_offset<Arch>(v, k * kBlockCols);
        for (Index p = 0; p < k; p += width) {
            const Index depth = k - p < width ? k - p : width;
            const float* from = bt + p / kBlockCols * block_stride + p % kBlockCols;
            typename S::F square[width];
            for (Index i = 0; i < width; ++i) {
                const float* row = from + (v * width + i) * ldbt;
                if (i >= columns)
                    square[i] = S::set(0.0f);
                else
                    square[i] = depth == width ? S::load(row) : S::load_first(row, depth);
            }
            S::transpose(square);
            for (Index i = 0; i < depth; ++i) S::store(to + (p + i) * kBlockCols, square[i]);
        }
    }
}

// The height of the micro-tile that begins where `rows` rows are left.
template <int kRows>
constexpr Index tile_rows(Index rows) {
    return rows >= kRows ? kRows : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
}

// Packs m rows of A from the row-major (k, m) block at, i.e. A = at transposed, into micro-tiles.
template <class Arch, int kRows>
void pack_a_transposed(const float* at, Index ldat, Index k, Index m, float* tiles) {
    for (Index row = 0; row < m; row += tile_rows<kRows>(m - row)) {
        const auto copy = [&]<int rows>(std::integral_constant<int, rows>) {
            float* tile = tiles + row * k;
            for (Index p = 0; p < k; ++p)
                __builtin_memcpy(tile + p * rows, at + p * ldat + row, rows * sizeof(float));
        };
        switch (tile_rows<kRows>(m - row)) {
            case kRows:
                copy(std::integral_constant<int, kRows>{});
                break;
            case 2:
                copy(std::integral_constant<int, 2>{});
                break;
            case 1:
                copy(std::integral_constant<int, 1>{});
                break;
            default:
                copy(std::integral_constant<int, 4>{});
        }
    }
}

// One micro-tile: kRows rows of A, from `row` on, by the whole panel of kVectors vectors.
//
// flatten: the bodies given to unroll() must be inlined before the compiler decides what lives in
// registers, or `sum` is stored at every step of k (measured: 70 instead of 200 GFLOP/s).
template <class Arch, int kRows, int kVectors, bool kPackedA>
[[gnu::flatten]] void multiply_tile(const GemmPanel& panel, Index row) {
    using S = Simd<Arch>;
    using F = typename S::F;
    constexpr Index width = S::width;
    const Index lda = panel.lda, ldb = panel.ldb;
    const float* a = panel.a + row * (kPackedA ? panel.k : lda);
    const float* b = panel.b;
    float* c = panel.c + row * panel.ldc;
    const Index last = (kVectors - 1) * width;  // the first column of the last vector ...
    const Index last_columns = panel.n - last;  // ... and how many columns of it exist in C
    const auto b_offset = [&](int v) { return vector_offset<Arch>(v, panel.b_block_stride); };
    const auto c_offset = [&](int v) { return vector_offset<Arch>(v, panel.c_block_stride); };

    // Everything that touches `sum` is written out by unroll(), so that it stays in registers.
    F sum[kRows][kVectors];
    unroll<kRows * kVectors>([&](int t) { sum[t / kVectors][t % kVectors] = S::set(0.0f); });
    if (panel.continue_chain) {
        unroll<kRows>([&](int i) {
            const float* ci = c + i * panel.ldc;
            unroll<kVectors - 1>([&](int v) { sum[i][v] = S::load(ci + c_offset(v)); });
            const float* end = ci + c_offset(kVectors - 1);
            sum[i][kVectors - 1] =
                last_columns == width ? S::load(end) : S::load_first(end, last_columns);
        });
    }
    for (Index p = 0; p < panel.k; ++p) {
        F column[kVectors];
        unroll<kVectors>([&](int v) { column[v] = S::load(b + b_offset(v)); });
        unroll<kRows>([&](int i) {
            const F element = S::set(kPackedA ? a[i] : a[i * lda]);
            unroll<kVectors>([&](int v) { sum[i][v] = S::fma(element, column[v], sum[i][v]); });
        });
        a += kPackedA ? kRows : 1;
        b += ldb;
    }
    if (panel.bias != nullptr) {
        unroll<kVectors>([&](int v) {
            const F bias = v < kVectors - 1 ? S::load(panel.bias + v * width)
                                            : S::load_first(panel.bias + last, last_columns);
            unroll<kRows>([&](int i) { sum[i][v] = sum[i][v] + bias; });
        });
    }
    unroll<kRows>([&](int i) {
        float* ci = c + i * panel.ldc;
        unroll<kVectors - 1>([&](int v) { S::store(ci + c_offset(v), sum[i][v]); });
        float* end = ci + c_offset(kVectors - 1);
        if (last_columns == width)
            S::store(end, sum[i][kVectors - 1]);
        else
            S::store_first(end, sum[i][kVectors - 1], last_columns);
    });
}

// Applies the activation to rows [first, last) of C. They are in L1 still, so that it costs its
// arithmetic and no traffic.
template <class Arch>
void activate_rows(const GemmPanel& panel, Index first, Index last) {
    if (panel.activation == Activation::linear) return;
    for (Index i = first; i < last; ++i) {
        float* row = panel.c + i * panel.ldc;
        activation_forward<Arch>(panel.activation, row, row, panel.n);
    }
}

template <class Arch, int kRows, int kVectors, bool kPackedA>
void multiply_rows(const GemmPanel& panel) {
    Index row = 0;
    for (; row + kRows <= panel.m; row += kRows) {
        multiply_tile<Arch, kRows, kVectors, kPackedA>(panel, row);
        activate_rows<Arch>(panel, row, row + kRows);
    }
    const Index tail = row;
    for (; row + 4 <= panel.m; row += 4) multiply_tile<Arch, 4, kVectors, kPackedA>(panel, row);
    for (; row + 2 <= panel.m; row += 2) multiply_tile<Arch, 2, kVectors, kPackedA>(panel, row);
    for (; row < panel.m; ++row) multiply_tile<Arch, 1, kVectors, kPackedA>(panel, row);
    activate_rows<Arch>(panel, tail, panel.m);
}

// Picks the code for the panel's width in vectors, kVectors at most.
template <class Arch, int kRows, int kVectors>
void gemm_panel(const GemmPanel& panel) {
    if constexpr (kVectors > 1) {
        if (panel_vectors<Arch>(panel.n) < kVectors) {
            gemm_panel<Arch, kRows, kVectors - 1>(panel);
            return;
        }
    }
    if (panel.a_packed)
        multiply_rows<Arch, kRows, kVectors, true>(panel);
    else
        multiply_rows<Arch, kRows, kVectors, false>(panel);
}

}  // namespace
}  // namespace handgrad::kernels
