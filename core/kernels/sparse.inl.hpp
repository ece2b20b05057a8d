// A product whose left operand is mostly zero: C = A B, with only the non-zeros of A listed.
//
// Plainly,
//     for i, j:  c[i][j] = +0;  for the non-zeros a[i][p], p rising:  c[i][j] = fma(a[i][p],
//     b[p][j], c[i][j])
// which is the dense chain without the steps that add a zero: the bits are the same (a chain begun
// at +0 cannot become -0 by adding +-0), unless b holds an infinity or NaN where a is zero.
//
// As in gemm.inl.hpp, some columns of a row of C stay in registers while the list of the row runs;
// here each entry needs its own row of B, so there is a load for every fma and the speed is that of
// the loads: the columns of a panel times the rows of a tile of B must stay in L1. What is left to
// lose is the end of each list, which a processor cannot foresee while lengths differ. Rows are
// therefore taken in the order of their lengths.
#pragma once

#include "activation.inl.hpp"
#include "gemm.inl.hpp"

namespace handgrad::kernels {
namespace {

// kLists rows of C, from place r of the order on, by the whole panel of kVectors vectors. The lists
// run side by side, because one list has too few sums in flight: each waits for the fma before.
// kWhole says whether the last vector has all its columns: a question that must not be asked for
// every entry.
template <class Arch, int kVectors, int kLists, bool kWhole>
[[gnu::flatten]] void multiply_lists(const SparsePanel& panel, Index r) {
    using S = Simd<Arch>;
    using F = typename S::F;
    constexpr Index width = S::width;
    const Index last_columns = panel.n - (kVectors - 1) * width;
    const auto b_offset = [&](int v) { return vector_offset<Arch>(v, panel.b_block_stride); };
    const auto c_offset = [&](int v) { return vector_offset<Arch>(v, panel.c_block_stride); };
    const auto load = [&](const float* p, int v) {
        return kWhole || v < kVectors - 1 ? S::load(p) : S::load_first(p, last_columns);
    };

    // Entry e of list i is in place begin[i] + e of the two arrays.
    Index begin[kLists], entries[kLists];
    float* c[kLists];
    F sum[kLists][kVectors];
    unroll<kLists>([&](int i) {
        const Index row = panel.order[r + i];
        begin[i] = panel.begin[row * panel.begin_stride];
        entries[i] = panel.begin[row * panel.begin_stride + 1] - begin[i];
        c[i] = panel.c + row * panel.ldc;
    });
    unroll<kLists * kVectors>([&](int t) { sum[t / kVectors][t % kVectors] = S::set(0.0f); });
    if (panel.continue_chain)
        unroll<kLists * kVectors>([&](int t) {
            const int i = t / kVectors, v = t % kVectors;
            sum[i][v] = load(c[i] + c_offset(v), v);
        });

    const std::uint16_t* index = panel.index;
    const float *value = panel.value, *b = panel.b;
    const Index ldb = panel.ldb;
    const auto add_entry = [&](int i, Index e) {
        const F element = S::set(value[begin[i] + e]);
        const float* row = b + index[begin[i] + e] * ldb;
        unroll<kVectors>(
            [&](int v) { sum[i][v] = S::fma(element, load(row + b_offset(v), v), sum[i][v]); });
    };
    // The lists are in the order of their lengths: what all have, then what the later have alone.
    for (Index e = 0; e < entries[0]; ++e) unroll<kLists>([&](int i) { add_entry(i, e); });
    unroll<kLists - 1>([&](int i) {
        for (Index e = entries[0]; e < entries[i + 1]; ++e) add_entry(i + 1, e);
    });

    if (panel.bias != nullptr)
        unroll<kVectors>([&](int v) {
            const F bias = load(panel.bias + v * width, v);
            unroll<kLists>([&](int i) { sum[i][v] = sum[i][v] + bias; });
        });
    unroll<kLists * kVectors>([&](int t) {
        const int i = t / kVectors, v = t % kVectors;
        if (kWhole || v < kVectors - 1)
            S::store(c[i] + c_offset(v), sum[i][v]);
        else
            S::store_first(c[i] + c_offset(v), sum[i][v], last_columns);
    });
}

template <class Arch, int kVectors, int kLists, bool kWhole>
void multiply_rows_of_lists(const SparsePanel& panel) {
    Index r = 0;
    for (; r + kLists <= panel.rows; r += kLists)
        multiply_lists<Arch, kVectors, kLists, kWhole>(panel, r);
    for (; r < panel.rows; ++r) multiply_lists<Arch, kVectors, 1, kWhole>(panel, r);
    if (panel.activation == Activation::linear) return;
    for (Index i = 0; i < panel.rows; ++i) {
        float* c = panel.c + i * panel.ldc;
        activation_forward<Arch>(panel.activation, c, c, panel.n);
    }
}

// Picks the code for the panel's width in vectors, kVectors at most.
template <class Arch, int kVectors, int kLists>
void sparse_panel(const SparsePanel& panel) {
    if constexpr (kVectors > 1) {
        if (panel_vectors<Arch>(panel.n) < kVectors) {
            sparse_panel<Arch, kVectors - 1, kLists>(panel);
            return;
        }
    }
    if (panel.n == kVectors * Simd<Arch>::width)
        multiply_rows_of_lists<Arch, kVectors, kLists, true>(panel);
    else
        multiply_rows_of_lists<Arch, kVectors, kLists, false>(panel);
}

}  // namespace
}  // namespace handgrad::kernels
