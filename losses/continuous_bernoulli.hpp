// The continuous Bernoulli distribution of pixels in [0, 1], whose density is proportional to
// p^t (1 - p)^(1 - t), as a reconstruction loss: binary cross-entropy and the logarithm of what
// makes the density integrate to 1. With grey pixels it is a likelihood, which binary cross-entropy
// is not. From logits a, p = sigmoid(a); summed over the features, averaged over the n images:
//
//   recon = 1/n sum log((exp(a) - 1) / a) - a t        a = 0: -a t; may be negative
//   da    = (1 / (1 - exp(-a)) - 1 / a - t) / n        a = 0: 1/2 - t; +0 where below 1e-30
//
// The mean of the distribution is 1 / (1 - exp(-a)) - 1 / a, closer to 1/2 than p is.
// Loaiza-Ganem and Cunningham 2019, equations 7 to 9.
#pragma once

#include "../core/export.hpp"
#include "../core/matrix.hpp"
#include "reduction.hpp"

namespace handgrad {

// All matrices are (n, features); the gradient is overwritten, or not computed if it is an empty
// view. Throws Error(argument) for other shapes or n = 0.
HANDGRAD_API double continuous_bernoulli_nll(ConstMatrixView logits, ConstMatrixView targets,
                                             MatrixView dlogits, const Reduction& reduction = {});

}  // namespace handgrad
