// One lane and std::fma: the member of the family that runs on any processor.
#include "make_table.inl.hpp"

namespace handgrad::kernels {
// 4 x 4 sums and 4 + 1 operands: about what 16 scalar registers hold.
constinit const KernelTable scalar_kernels = make_table<ScalarArch, 4, 4, 8, 1>(Isa::scalar);
}  // namespace handgrad::kernels
