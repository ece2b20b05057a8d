// Fills the table of one instruction set. kRows x kVectors is its micro-tile, kSparseVectors
// the width of a sparse product's rows.
#pragma once

#include "elementwise_table.inl.hpp"
#include "gemm.inl.hpp"
#include "peak.inl.hpp"
#include "sparse.inl.hpp"

namespace handgrad::kernels {
namespace {

template <class Arch, int kRows, int kVectors, int kSparseVectors, int kLists>
constexpr KernelTable make_table(Isa isa) {
    KernelTable table{};
    table.isa = isa;
    table.mr = kRows;
    table.nr = kVectors * Simd<Arch>::width;
    table.pack_b = pack_b<Arch>;
    table.pack_b_transposed = pack_b_transposed<Arch>;
    table.pack_a_transposed = pack_a_transposed<Arch, kRows>;
    table.gemm_panel = gemm_panel<Arch, kRows, kVectors>;
    table.sparse_nr = kSparseVectors * Simd<Arch>::width;
    table.sparse_panel = sparse_panel<Arch, kSparseVectors, kLists>;
    table.run_fmas = run_fmas<Arch>;
    table.read_floats = read_floats<Arch>;
    fill_elementwise<Arch>(table);
    return table;
}

}  // namespace
}  // namespace handgrad::kernels
