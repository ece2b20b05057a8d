// The importance weighted bound: minus the logarithm of the mean of k importance weights, one for
// each of k latents that were drawn for the same image. For k = 1 it is minus the evidence lower
// bound with the KL divergence as sampled; with k it comes ever closer to -log p(x).
//
//   z_k     = mu + deviation_k,  deviation_k = exp(l / 2) e_k      l = clamp(logvar, -30, 20)
//   log w_k = -recon_k - |z_k|^2 / 2 + 1/2 sum_j (l_j + e_kj^2)    2 pi cancels
//   bound   = -1/n sum over the n images of log(1/k sum_k w_k)
//
// With the share s_k = w_k / sum of the image's w, and g_k = d recon_k / d z_k:
//
//   dmu     = 1/n sum_k s_k (g_k + z_k)
//   dlogvar = 1/n sum_k s_k ((g_k + z_k) deviation_k / 2 - 1/2)    0 where logvar is clamped
//   and s_k / n times the gradient of recon_k goes to the decoder
//
// What comes through g_k is the way through z (layers/gaussian_latent.hpp); the rest is here.
// Burda, Grosse and Salakhutdinov 2016, equations 8 and 14.
#pragma once

#include <span>

#include "../core/export.hpp"
#include "../core/matrix.hpp"

namespace handgrad {

// What is known of n k samples: row i k + s is sample s of image i.
struct ImportanceSamples {
    Index per_image = 1;                            // k
    std::span<double> recon;                        // (n k)
    ConstMatrixView z, noise, deviation, logvar{};  // (n k, latent)
};

// recon becomes log w. Rows may be one and the same (ld = 0). Throws Error(argument) for other
// shapes.
HANDGRAD_API void find_log_weights(const ImportanceSamples& samples);

// The same, and returns the bound. Overwrites shares (n k) with s_k, and dmu and dlogvar (n
// k, latent) with each sample's own part, weight s_k z_k / n and weight s_k (z_k deviation_k - 1) /
// (2 n). Throws Error(argument) for other shapes, n = 0, or rows that k does not divide.
HANDGRAD_API double importance_weighted_bound(const ImportanceSamples& samples, float weight,
                                              std::span<float> shares, MatrixView dmu,
                                              MatrixView dlogvar);

}  // namespace handgrad
