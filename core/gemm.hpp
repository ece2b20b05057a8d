// The three matrix products of a dense layer, threaded, on the kernels in use.
//
// Every element of C is one chain of fused multiply-adds over increasing k, started at +0 (or, to
// accumulate, at the value that C holds), then bias, then activation. Neither blocking nor threads
// cut a chain, so the bits depend on the operands alone.
//
// Activations are row-major; weights and their gradients may lie in column blocks
// (blocked_view.hpp), where the forward product needs no packing. C must not overlap A or B. Shapes
// that do not fit throw Error(argument), as does a window that begins within a block of columns.
// Sizes of 0 are allowed: k = 0 leaves +0 (or C) and the epilogue.
#pragma once

#include <span>

#include "export.hpp"
#include "kernels/table.hpp"
#include "matrix.hpp"
#include "profile.hpp"

namespace handgrad {

// Whether an output is replaced or continued. overwrite never reads the old contents.
enum class Write { overwrite, accumulate };

// What happens to a finished element of C on its way to memory: C = activation(AB + bias).
struct Epilogue {
    const float* bias = nullptr;  // one float per column of C, or null for none
    Activation activation = Activation::linear;
};

// Takes a product as soon as it is computed, while it is in cache: each part of C once, from any
// thread. C is not written to memory then.
class HANDGRAD_API TileSink {
  public:
    virtual ~TileSink() = default;
    // The rows of C from `row` on in columns [16 block, 16 block + 16): 16 floats for each row. The
    // columns that C does not have are zero.
    virtual void take(Index row, Index block, std::span<const float> values) = 0;
    // What it does with each value, for profiles.
    virtual SinkCost cost() const { return {}; }
};

// C (m, n) = A (m, k) B (k, n)               forward:          y  = f(x W + b)
HANDGRAD_API void gemm_nn(ConstMatrixView a, ConstBlockedView b, Write write, MatrixView c,
                          const Epilogue& epilogue = {});

// C (m, n) = A (m, k) B (n, k) transposed    input gradient:   dx = dy W^T
HANDGRAD_API void gemm_nt(ConstMatrixView a, ConstBlockedView b, Write write, MatrixView c);

// C (m, n) = A (k, m) transposed B (k, n)    weight gradient:  dW = x^T dy
HANDGRAD_API void gemm_tn(ConstMatrixView a, ConstMatrixView b, Write write, BlockedView c);
HANDGRAD_API void gemm_tn(ConstMatrixView a, ConstMatrixView b, TileSink& sink);

}  // namespace handgrad
