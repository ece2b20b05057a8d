// Pictures of many small images.
#pragma once

#include <cstdint>

#include "../../../core/io/png.hpp"
#include "../../../core/matrix.hpp"

namespace handgrad::apps::mnist_vae {

// A value in [0, 1] as a level from 0 to 255: cut off and rounded.
std::uint8_t gray_level(float value);

// A grid of `columns` images a row: row i of `images` (count, rows * cols) is image number i, its
// values in [0, 1] clamped and rounded to 0..255. Every image is twice its size, with a thin dark
// line between two. Throws Error(argument) if the sizes contradict one another.
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
