// Every x86-64 processor. No fma: results follow the other instruction sets closely, not exactly.
#include "make_table.inl.hpp"

namespace handgrad::kernels {
// 16 xmm: 4 x 2 sums, 2 of B, 1 of A and room for the products that have no fma to vanish in.
constinit const KernelTable sse2_kernels = make_table<xsimd::sse2, 4, 2, 4, 2>(Isa::sse2);
}  // namespace handgrad::kernels
