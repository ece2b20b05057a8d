// The two halves of a model as ONNX files (core/io/onnx.hpp), for programs that run such files.
//
//   encoder   x (batch, pixels) -> mu, logvar (batch, latent)
//   decoder   z (batch, latent) -> pixels (batch, pixels), in [0, 1], as Vae::decode returns them
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "../model/vae.hpp"

namespace handgrad::apps::mnist_vae {

// The bytes of a file. The size of the images, the loss and, if there is one, the mistake that the
// model was trained with are among the metadata. Throws Error(argument) for a model of 2 GiB.
std::vector<std::byte> encoder_onnx(Vae& model, const std::string& mistake);
std::vector<std::byte> decoder_onnx(Vae& model, const std::string& mistake);

}  // namespace handgrad::apps::mnist_vae
