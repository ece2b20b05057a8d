// How a loss of many images becomes one number and one gradient.
#pragma once

#include <span>

namespace handgrad {

// What is asked of a loss beside its mean.
struct Reduction {
    // The gradient is that of `weight` times the mean over the images; the number of images makes
    // it the gradient of their sum.
    float weight = 1;
    // Gets the loss of every image, unless it is empty: as many as there are images.
    std::span<double> per_image{};
};

}  // namespace handgrad
