// Fills the table of one instruction set. kRows x kVectors is its micro-tile.
#pragma once

#include "elementwise_table.inl.hpp"
#include "gemm.inl.hpp"
#include "peak.inl.hpp"

namespace handgrad::kernels {
namespace {

template <class Arch, int kRows, int kVectors>
constexpr KernelTable make_table(Isa isa) {
    KernelTable table{};
    table.isa = isa;
    table.mr = kRows;
    table.nr = kVectors * Simd<Arch>::width;
    table.pack_b = pack_b<Arch>;
    table.pack_b_transposed = pack_b_transposed<Arch>;
    table.pack_a_transposed = pack_a_transposed<Arch, kRows>;
    table.gemm_panel = gemm_panel<Arch, kRows, kVectors>;
    table.run_fmas = run_fmas<Arch>;
    fill_elementwise<Arch>(table);
    return table;
}

}  // namespace
}  // namespace handgrad::kernels
