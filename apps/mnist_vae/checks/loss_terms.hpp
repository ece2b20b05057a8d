// How large the terms of a loss are, beside which its error is measured: the loss itself may be
// near 0 where they cancel, and below it.
#pragma once

#include "../../../core/reference_vae.hpp"

namespace handgrad::apps::mnist_vae {

// The sum of the sizes of all terms of the loss that the model's last forward() computed for images
// x (N, inputs) and noise (N samples, latent), per image.
double size_of_loss_terms(const reference::VaeConfig& config, const reference::Vae<double>& model,
                          const reference::Tensor<double>& x,
                          const reference::Tensor<double>& noise);

}  // namespace handgrad::apps::mnist_vae
