// Compiled with AVX-512 F, BW, DQ, VL and CD; reached only through the table.
#include "make_table.inl.hpp"

namespace handgrad::kernels {
// 32 zmm: 8 x 3 sums, 3 of B and 1 of A are 28. A step of k takes 11 loads for 24 fmas; 8 divides
// the usual batches and 48 leaves 16 or 32 columns of the usual widths, which are vectors too.
constinit const KernelTable avx512_kernels = make_table<xsimd::avx512bw, 8, 3, 4, 2>(Isa::avx512);
}  // namespace handgrad::kernels
