// What the numbers of a loss mean, beside those of other programs and of the literature.
#pragma once

#include <string>

#include "../../../core/io/idx.hpp"
#include "../../common/binarization.hpp"
#include "vae.hpp"

namespace handgrad::apps::mnist_vae {

// The least that binary cross-entropy with these images as targets can be, in nats per image: the
// entropy of their grey pixels, mean over the images of sum -(t log t + (1 - t) log(1 - t)). 0 if
// all pixels are black or white.
double entropy_floor(const IdxImages& images);

// Lines that begin with "# ": what was measured, what other reductions would make of it, and what
// it must not be compared with. `recon` is that of the images with z sampled; black and white
// images were made so by `binarization`, or came so.
std::string explain_losses(const Architecture& architecture, double kl_weight,
                           const IdxImages& images, Binarization binarization, double recon);

}  // namespace handgrad::apps::mnist_vae
