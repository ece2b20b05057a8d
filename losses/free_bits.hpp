// Free bits: a latent whose KL divergence is below a floor costs the floor, so that nothing presses
// it further towards the prior. With kl_j the KL divergence of latent j, averaged over the n
// images:
//
//   counted = sum_j max(floor, kl_j)
//   dmu, dlogvar of latent j are 0 where kl_j < floor
//
// Kingma, Salimans et al. 2016, appendix C.8, with every latent a group of its own. The floor is in
// nats.
#pragma once

#include "../core/export.hpp"
#include "../core/matrix.hpp"

namespace handgrad {

// mu, logvar (n, latent), and the gradients of their KL divergence likewise, or two empty views.
// Returns `counted`; clears the columns that are below the floor. Throws Error(argument) for other
// shapes or n = 0.
HANDGRAD_API double apply_free_bits(ConstMatrixView mu, ConstMatrixView logvar, double floor,
                                    MatrixView dmu, MatrixView dlogvar);

}  // namespace handgrad
