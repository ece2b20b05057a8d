// Pixels as a Gaussian around the decoder's output y, of one variance s^2 for all: the squared
// error as a likelihood. Summed over the D features, averaged over the n images:
//
//   recon = 1/n sum (y - t)^2 / (2 s^2) + D/2 log(2 pi s^2)
//   dy    = (y - t) / s^2 / n
//
// Kingma and Welling 2014, appendix C.2, with a fixed variance. The plain squared error (mse.hpp)
// is this with s^2 = 1/2 and without the constant.
#pragma once

#include "../core/export.hpp"
#include "../core/matrix.hpp"
#include "reduction.hpp"

namespace handgrad {

// All matrices are (n, features); the gradient is overwritten, or not computed if it is an empty
// view. Throws Error(argument) for other shapes, n = 0, or a variance that is not above 0.
HANDGRAD_API double gaussian_nll(ConstMatrixView y, ConstMatrixView targets, double variance,
                                 MatrixView dy, const Reduction& reduction = {});

}  // namespace handgrad
