// The images of a model: what it makes of test images, of random latents, of a grid of latents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "../../../core/io/idx.hpp"
#include "../../../core/io/png.hpp"
#include "../model/vae.hpp"

namespace handgrad::apps::mnist_vae {

// Images as numbers in [0, 1], and how they lie in an array and in a picture.
struct ImageSet {
    Matrix images;             // (count, pixels), one a row
    std::vector<Index> shape;  // of an array of them: {count}, {rows, columns}, or {2, count}
    Index columns = 1;         // of a picture of them
    // {2, count}: originals, then their reconstructions, which a picture has below them.
    bool are_pairs = false;
};

GrayImage draw(const ImageSet& set, const Architecture& architecture);
// The bytes of a .npy file: float32, the set's shape followed by (image_rows, image_cols).
std::vector<std::byte> serialize_images(const ImageSet& set, const Architecture& architecture);

// The first `count` images and their reconstructions with z = mu, ten a row.
ImageSet make_reconstructions(Vae& model, const IdxImages& images, Index count);

// The same for images that are given as numbers, (n, pixels).
ImageSet make_reconstructions(Vae& model, ConstMatrixView x);

// Images of `count` latents drawn from the prior, the same for the same seed.
ImageSet make_samples(Vae& model, std::uint64_t seed, Index count);

// From one image to another along a straight line between their mu, `steps` images in a row.
ImageSet make_interpolation(Vae& model, const IdxImages& images, Index from, Index to, Index steps);

// A size x size grid over the two latent dimensions that carry the largest KL divergence on
// `images`; one row if there is only one dimension.
ImageSet make_manifold(Vae& model, const IdxImages& images, Index size);

// Pictures of these.
GrayImage draw_reconstructions(Vae& model, const IdxImages& images, Index count);
GrayImage draw_samples(Vae& model, std::uint64_t seed, Index count);
GrayImage draw_manifold(Vae& model, const IdxImages& images, Index size);

// Those two dimensions, the smaller number first; twice the same if there is only one.
std::pair<Index, Index> most_used_dimensions(Vae& model, const IdxImages& images);

}  // namespace handgrad::apps::mnist_vae
