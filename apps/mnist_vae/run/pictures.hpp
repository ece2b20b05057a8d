// Pictures of many small images.
#pragma once

#include <cstdint>

#include "../../../core/io/png.hpp"
#include "../../../core/matrix.hpp"

namespace handgrad::apps::mnist_vae {

// A value in [0, 1] as a level from 0 to 255: cut off and rounded.
std::uint8_t gray_level(float value);

// The bounds of a picture, so that it can be opened and is drawn in a moment: the length of a side,
// and the values of all images in it.
inline constexpr Index kMaxPictureSide = 4096;
inline constexpr Index kMaxPictureValues = Index{1} << 24;

// A grid of tiles, each of `tile_rows` images one above the other.
struct Grid {
    Index image_rows, image_cols;
    Index tile_rows = 1;
};

// The number of tiles, of those wanted, that a picture has room for; 1 at least.
Index tiles_that_fit(const Grid& grid, Index wanted);
// The size of a square of tiles, of that wanted, that a picture has room for; 1 at least.
Index square_that_fits(const Grid& grid, Index wanted);

// How tiles are laid out. Images have twice their size where there is room, then their own; then
// more of them lie in a row; then each is reduced.
struct GridLayout {
    Index columns = 1;
    Index scale = 2;   // pixels of the picture per pixel of an image
    Index shrink = 1;  // pixels of an image per pixel of the picture, if scale is 1
};
// Throws Error(argument) for more tiles than any layout has room for.
GridLayout lay_out(const Grid& grid, Index tiles, Index columns);

// A grid of `columns` images a row, or as lay_out says: row i of `images` (count, rows * cols) is
// image number i, its values in [0, 1] clamped and rounded to 0..255. There is a thin dark line
// between two. Throws Error(argument) if the sizes contradict one another.
GrayImage compose_grid(ConstMatrixView images, Index image_rows, Index image_cols, Index columns);

// Pairs: rows of originals, each with the row of reconstructions below it. Both (count, pixels).
GrayImage compose_pairs(ConstMatrixView originals, ConstMatrixView reconstructions,
                        Index image_rows, Index image_cols, Index columns);

// The picture within a frame of black and white stripes: of a model that was trained wrong on
// purpose.
GrayImage flag_picture(const GrayImage& picture);

// The latents (size * size, latent) of a square grid over two dimensions: equal steps of
// probability from 0.05 to 0.95, through the inverse normal distribution, so that each image stands
// for as much of the prior as any other. x grows to the right, y upwards; the other dimensions are
// 0. With one latent dimension (x == y) the grid is one row.
Matrix manifold_latents(Index size, Index latent, Index x_dimension, Index y_dimension);

// The inverse of the normal distribution function, 0 < p < 1; absolute error below 1e-8 for p in
// [1e-10, 1 - 1e-10] (Acklam's rational approximation and one step of Halley's method).
double inverse_normal(double p);

}  // namespace handgrad::apps::mnist_vae
