// The images of a model: what it makes of test images, of random latents, of a grid of latents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
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
    Index wanted = 0;  // the tiles that were asked for, if a picture has no room for all
};

// The images are for a picture, in which there are no more than it has room for (pictures.hpp).
enum class Medium { picture, numbers };

// "16 of 100 images, each at 1/3 of its size: a picture has at most 4096 x 4096 pixels"; empty for
// a picture of everything that was asked for, at its size or twice that.
std::string describe_bounds(const ImageSet& set, const Architecture& architecture);

GrayImage draw(const ImageSet& set, const Architecture& architecture);
// The bytes of a .npy file: float32, the set's shape followed by (image_rows, image_cols).
std::vector<std::byte> serialize_images(const ImageSet& set, const Architecture& architecture);

// The first `count` images and their reconstructions with z = mu, ten a row.
ImageSet make_reconstructions(Vae& model, const IdxImages& images, Index count, Medium medium);

// The same for images that are given as numbers, (n, pixels).
ImageSet make_reconstructions(Vae& model, ConstMatrixView x);

// Images of `count` latents drawn from the prior, the same for the same seed.
ImageSet make_samples(Vae& model, std::uint64_t seed, Index count, Medium medium);

// From one image to another along a straight line between their mu, `steps` images in a row.
ImageSet make_interpolation(Vae& model, const IdxImages& images, Index from, Index to, Index steps);

// A size x size grid over the two latent dimensions that carry the largest KL divergence on
// `images`; one row if there is only one dimension.
ImageSet make_manifold(Vae& model, const IdxImages& images, Index size, Medium medium);

// Those two dimensions, the smaller number first; twice the same if there is only one.
std::pair<Index, Index> most_used_dimensions(Vae& model, const IdxImages& images);

}  // namespace handgrad::apps::mnist_vae
