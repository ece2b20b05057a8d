// Every aarch64 processor.
#include "make_table.inl.hpp"

namespace handgrad::kernels {
// 32 registers: 8 x 2 sums, 2 of B and 1 of A are 19. Sixteen chains cover two fmas at latency 4.
constinit const KernelTable neon_kernels = make_table<xsimd::neon64, 8, 2, 8, 2>(Isa::neon);
}  // namespace handgrad::kernels
