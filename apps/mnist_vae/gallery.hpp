// The pictures of a model: what it makes of test images, of random latents, of a grid of latents.
#pragma once

#include <cstdint>
#include <utility>

#include "../../core/io/idx.hpp"
#include "../../core/io/png.hpp"
#include "vae.hpp"

namespace handgrad::mnist_vae {

// The first `count` images above their reconstructions with z = mu, ten a row.
GrayImage draw_reconstructions(Vae& model, const IdxImages& images, Index count);

// The same for images that are given as numbers, (n, pixels).
GrayImage draw_reconstructions(Vae& model, ConstMatrixView x);

// Images of `count` latents drawn from the prior, the same for the same seed.
GrayImage draw_samples(Vae& model, std::uint64_t seed, Index count);

// From one image to another along a straight line between their mu, `steps` images a row.
GrayImage draw_interpolation(Vae& model, const IdxImages& images, Index from, Index to,
                             Index steps);

// A size x size grid over the two latent dimensions that carry the largest KL divergence on
// `images`.
GrayImage draw_manifold(Vae& model, const IdxImages& images, Index size);

// Those two dimensions, the smaller number first; twice the same if there is only one.
std::pair<Index, Index> most_used_dimensions(Vae& model, const IdxImages& images);

}  // namespace handgrad::mnist_vae
