// The latent code of a variational autoencoder: a diagonal Gaussian q(z|x) = N(mu, sigma^2) and
// the reparameterisation trick (Kingma and Welling 2014, section 2.4).
//
//   head = [mu | logvar]     (n, 2 latent)   what the encoder returns, logvar = log sigma^2
//   l = clamp(logvar, -30, 20)
//   z = mu + exp(l / 2) * noise              (n, latent)   noise ~ N(0, 1), an argument
//
// Drawing the noise outside leaves z a plain function of mu and logvar, which can be
// differentiated. For a given dz = dL/dz:
//
//   dmu     = dz
//   dlogvar = dz * noise * exp(l / 2) / 2    = dz * deviation / 2, and 0 where logvar is clamped
//
// where deviation = exp(l / 2) * noise is kept by forward: z - mu would lose its digits.
// The KL divergence depends on mu and logvar directly; its gradients are added here.
#pragma once

#include "../core/export.hpp"
#include "../core/matrix.hpp"

namespace handgrad {

// z = mu + deviation, deviation = exp(l / 2) * noise. All (n, latent); overwrites the outputs.
HANDGRAD_API void reparameterize(ConstMatrixView mu, ConstMatrixView logvar, ConstMatrixView noise,
                                 MatrixView deviation, MatrixView z);

// Adds the path through z to dmu and dlogvar. All (n, latent).
HANDGRAD_API void reparameterize_backward(ConstMatrixView dz, ConstMatrixView logvar,
                                          ConstMatrixView deviation, MatrixView dmu,
                                          MatrixView dlogvar);

// The layer between encoder and decoder: keeps what backward needs.
class HANDGRAD_API GaussianLatent {
  public:
    // Throws Error(argument) for a width below 1.
    explicit GaussianLatent(Index latent);

    // The width of z.
    Index latent() const { return latent_; }

    // Returns z (n, latent) for head (n, 2 latent) and noise (n, latent). The head is not copied:
    // it must stay as it is until backward is done.
    ConstMatrixView forward(ConstMatrixView head, ConstMatrixView noise);

    // The last head, and its two halves.
    ConstMatrixView head() const { return head_; }
    ConstMatrixView mu() const { return head_.middle_cols(0, latent_); }
    ConstMatrixView logvar() const { return head_.middle_cols(latent_, latent_); }
    ConstMatrixView z() const { return z_; }
    ConstMatrixView deviation() const { return deviation_; }

    // Returns dhead (n, 2 latent) = [dmu | dlogvar]: the path through z, from dz, plus the direct
    // path, given as dmu and dlogvar (the gradients of the KL divergence).
    ConstMatrixView backward(ConstMatrixView dz, ConstMatrixView dmu, ConstMatrixView dlogvar);

  private:
    Index latent_;
    ConstMatrixView head_;  // owned by the caller
    Matrix deviation_, z_, dhead_;
};

}  // namespace handgrad
