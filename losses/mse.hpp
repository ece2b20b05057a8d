// Squared error: the reconstruction loss of a Gaussian decoder with variance 1/2, but for a
// constant. Summed over the features, averaged over the n images.
//
//   recon = 1/n sum (y - t)^2
//   dy    = 2 (y - t) / n
//
// y, targets and dy are (n, features); dy is overwritten, or not computed if it is an empty view;
// `reduction` scales it. Throws Error(argument) for other shapes or n = 0.
#pragma once

#include "../core/export.hpp"
#include "../core/matrix.hpp"
#include "reduction.hpp"

namespace handgrad {

// The squared error per image.
HANDGRAD_API double mse(ConstMatrixView y, ConstMatrixView targets, MatrixView dy,
                        const Reduction& reduction = {});

}  // namespace handgrad
