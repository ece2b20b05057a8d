// Random numbers without a state: every number is a function of what it is for.
//
// The generator is Philox4x32-10, a counter-based generator: it turns a 128-bit counter and a
// 64-bit key into four 32-bit words, and any counter may be asked for at any time. Here
//
//   key     = the seed of the run, its low 32 bits first
//   counter = (block, sample index, epoch, purpose), 32 bits each; word e of a stream is word
//             e mod 4 of block e / 4
//
// so the noise of image 4711 in epoch 3 is the same for every batch size, thread count and
// instruction set, and after a resume: there is nothing to save and nothing to advance.
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "export.hpp"
#include "matrix.hpp"

namespace handgrad {

// What a random number is for. Two purposes never share a stream. The values are part of the file
// formats: a resumed run must draw what the first one would have drawn.
enum class Purpose : std::uint32_t {
    initial_weights = 0,
    shuffle = 1,
    training_noise = 2,
    validation_noise = 3,
    pictures = 4,
    binarization = 5,
    validation_binarization = 6,
    likelihood_noise = 7,
};

// The four words of one block: ten rounds of Philox4x32.
HANDGRAD_API std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                                 std::array<std::uint32_t, 2> key);

// Numbers 0 .. normals.size() - 1 of a stream of independent N(0, 1) variates: Box-Muller by the
// active kernels (normal_from_bits) on the words (0, 1), (2, 3), ... of the stream. The bits are
// the same on every instruction set but sse2. At most 2^34 numbers.
HANDGRAD_API void fill_normal(std::uint64_t seed, Purpose purpose, std::uint32_t epoch,
                              std::uint32_t sample_index, std::span<float> normals);

// The noise of a mini-batch, (sample_indices.size(), latent): row i is what fill_normal gives for
// sample_indices[i], wherever in whatever batch the sample stands.
// Throws Error(argument) if noise.rows is not the number of samples.
HANDGRAD_API void fill_noise(std::uint64_t seed, Purpose purpose, std::uint32_t epoch,
                             std::span<const std::uint32_t> sample_indices, MatrixView noise);

// Uniform numbers: element (i, j) is low + (high - low) u with one rounding after high - low, where
// u = (word >> 8) / 2^24 is in [0, 1) and word is number i * cols + j of the stream. `index` takes
// the place of the sample index; for initial weights it is the number of the tensor. At most 2^34
// elements.
HANDGRAD_API void fill_uniform(std::uint64_t seed, Purpose purpose, std::uint32_t epoch,
                               std::uint32_t index, float low, float high, BlockedView values);

// Grey pixels as black and white: bits[e] becomes 255 with probability pixels[e] / 255, else 0. The
// pixel is white where (word_e >> 8) 255 < pixels[e] 2^24, in integers: 0 stays 0 and 255 stays
// 255. Throws Error(argument) if bits is of another size. At most 2^34 pixels.
HANDGRAD_API void draw_bits(std::uint64_t seed, Purpose purpose, std::uint32_t epoch,
                            std::uint32_t sample_index, std::span<const std::uint8_t> pixels,
                            std::span<std::uint8_t> bits);

// Overwrites `order` with the permutation of 0 .. order.size() - 1 that belongs to (seed, epoch):
// Fisher and Yates from the last element down, where element i changes places with element
// floor(word_i * (i + 1) / 2^32). The bias of that j is below (i + 1) / 2^32.
HANDGRAD_API void shuffle(std::uint64_t seed, std::uint32_t epoch, std::span<std::uint32_t> order);

}  // namespace handgrad
