// KL divergence of the encoder's diagonal Gaussian N(mu, sigma^2) from the prior N(0, 1), in closed
// form (Kingma and Welling 2014, appendix B). Summed over the latents, averaged over the n images:
// nats per image.
//
//   l  = clamp(logvar, -30, 20)
//   kl = 1/n sum 0.5 (mu^2 + (expm1(l) - l))      both addends >= 0, so kl is never negative
//
// and for kl_weight * kl, the term that the loss contains:
//
//   dmu     = kl_weight mu / n
//   dlogvar = kl_weight 0.5 expm1(l) / n, and 0 where logvar is clamped
//
// All matrices are (n, latent). Returns kl without the weight. dmu and dlogvar are overwritten, or
// not computed if both are empty views. Throws Error(argument) for other shapes or n = 0.
#pragma once

#include "../core/export.hpp"
#include "../core/matrix.hpp"

namespace handgrad {

// The divergence without its weight; the gradients have it.
HANDGRAD_API double kl_divergence(ConstMatrixView mu, ConstMatrixView logvar, float kl_weight,
                                  MatrixView dmu, MatrixView dlogvar);

}  // namespace handgrad
