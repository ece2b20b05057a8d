// Compiled with -mavx2 -mfma; reached only through the table, after the processor was asked.
#include "make_table.inl.hpp"

namespace handgrad::kernels {
// 16 ymm: 6 x 2 sums, 2 of B and 1 of A are 15. Twelve chains cover two fmas a cycle at latency 4.
constinit const KernelTable avx2_kernels =
    make_table<xsimd::fma3<xsimd::avx2>, 6, 2, 4, 2>(Isa::avx2);
}  // namespace handgrad::kernels
