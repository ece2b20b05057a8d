// The products of a dense layer whose input is mostly zero. They skip the zeros and give the bits
// of gemm.hpp: see kernels/sparse.inl.hpp.
#pragma once

#include "export.hpp"
#include "gemm.hpp"
#include "sparse_rows.hpp"

namespace handgrad {

// C (m, n) = A (m, k) B (k, n), with the non-zeros of A listed.
//
//   forward           y  = f(x W + b):  A = x,            B = W,   C = y
//   weight gradient   dW = x^T dy:      A = x transposed, B = dy,  C = dW
//
// The activation of an epilogue needs a row-major C. Throws Error(argument) as gemm_nn does.
//
// Whether that is faster than the dense product is a matter of how many zeros there are: see
// sparse_gemm_pays.
HANDGRAD_API void sparse_gemm(const SparseRows& a, ConstBlockedView b, Write write, BlockedView c,
                              const Epilogue& epilogue = {});
HANDGRAD_API void sparse_gemm(const SparseRows& a, ConstBlockedView b, TileSink& sink);

// The cost rule: whether sparse_gemm is faster than gemm_nn or gemm_tn for an operand of this
// density, the share of its elements that are not zero.
HANDGRAD_API bool sparse_gemm_pays(double density);

}  // namespace handgrad
