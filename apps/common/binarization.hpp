// Grey images as black and white ones, which is what likelihoods of MNIST in the literature are of.
// The choices lead to numbers that must never be compared with one another.
#pragma once

#include <cstdint>

#include "../../core/io/idx.hpp"
#include "../../core/random.hpp"
#include "dataset.hpp"

namespace handgrad::apps {

enum class Binarization {
    none,         // grey pixels stay grey
    drawn_once,   // white with the probability that is the pixel's intensity; one draw for all time
    drawn_anew,   // the training images once more for every epoch
    at_threshold  // white from 128 on
};

// As options spell them: those of the literature.
inline constexpr const char* kBinarizationNames[] = {"none", "static", "dynamic", "threshold"};

// Which draw: image i of the data set uses the stream (seed, purpose, epoch, i).
struct BinaryDraw {
    std::uint64_t seed = 0;
    Purpose purpose = Purpose::binarization;
    std::uint32_t epoch = 0;
};

// Overwrites the pixels of `binary`, images of the same size and number, with those of `grey` in
// black and white.
void binarize(Binarization binarization, const BinaryDraw& draw, const IdxImages& grey,
              IdxImages& binary);

// The images of a data set as a run with this binarisation sees them before its first epoch. The
// draw is a function of the seed, so that what is evaluated later is what was validated on. The
// training images stay grey if they are drawn anew for each epoch, unless `training` is over.
enum class Use { training, looking_back };
void binarize(Binarization binarization, std::uint64_t seed, Use use, Dataset& dataset);

}  // namespace handgrad::apps
