// Binary cross-entropy: the reconstruction loss of a Bernoulli decoder. Summed over the features
// (pixels), averaged over the n images: nats per image. Targets t in [0, 1]; grey pixels are
// allowed, the loss then has a floor above zero (the entropy of the pixels).
//
// From logits a, with p = sigmoid(a); stable for every finite a, |da| <= 1/n:
//
//   recon = 1/n sum max(a, 0) - a t + log1p(exp(-|a|))
//   da    = (sigmoid(a) - t) / n        +0 where that is below 1e-30
//
// From probabilities p, as Keras computes it when it cannot see the logits, eps = 1e-7:
//
//   c     = clip(p, eps, 1 - eps)
//   recon = 1/n sum -(t log c + (1 - t) log(1 - c))
//   dp    = (c - t) / (c (1 - c)) / n, and 0 where p was clipped: such a pixel learns nothing
//
// From probabilities p, as PyTorch computes it: a logarithm is never below -100.
//
//   recon = -1/n sum t max(log p, -100) + (1 - t) max(log(1 - p), -100)
//   dp    = (p - t) / max(p (1 - p), 1e-12) / n          ATen/native/Loss.cpp
//
// All matrices are (n, features); the gradient is overwritten, or not computed if it is an empty
// view; `reduction` scales it. Throws Error(argument) for other shapes or n = 0.
#pragma once

#include "../core/export.hpp"
#include "../core/matrix.hpp"
#include "reduction.hpp"

namespace handgrad {

// Of logits; the form to use.
HANDGRAD_API double bce_with_logits(ConstMatrixView logits, ConstMatrixView targets,
                                    MatrixView dlogits, const Reduction& reduction = {});

// Of probabilities, with Keras' clip.
HANDGRAD_API double bce_with_probabilities(ConstMatrixView probabilities, ConstMatrixView targets,
                                           MatrixView dprobabilities,
                                           const Reduction& reduction = {});

// Of probabilities, with PyTorch's clamp.
HANDGRAD_API double bce_with_clamped_logs(ConstMatrixView probabilities, ConstMatrixView targets,
                                          MatrixView dprobabilities,
                                          const Reduction& reduction = {});

}  // namespace handgrad
