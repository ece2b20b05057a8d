// A picture of the user's own, brought to the form that MNIST's digits have.
#pragma once

#include <vector>

#include "../../../core/io/png.hpp"
#include "../../../core/matrix.hpp"

namespace handgrad::apps::mnist_vae {

// A digit from a picture of any size, dark on light or light on dark: light stroke on black, cut to
// its bounding box, scaled into 20/28 of the image with its proportions kept (every new pixel the
// mean of the area it covers), and moved so that its centre of mass is the centre of the image.
// The brightest value is 1, however thin the pen.
// So were MNIST's digits made (LeCun et al. 1998, section III.A). Returns rows * cols values in
// [0, 1]. Throws Error(input) naming `path` for a picture with nothing on it.
std::vector<float> normalize_digit(const GrayImage& picture, Index rows, Index cols,
                                   const std::string& path);

}  // namespace handgrad::apps::mnist_vae
