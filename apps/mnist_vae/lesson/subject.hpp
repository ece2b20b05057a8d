// What the lesson looks at: digits of the bundled sample, and a 784-64-2 model trained on it. The
// same bits on every machine: where the processor has no more than SSE2, whose numbers differ, the
// scalar kernels train.
#pragma once

#include <string>
#include <vector>

#include "../../../core/reference_vae.hpp"
#include "../../common/dataset.hpp"
#include "../model/vae.hpp"
#include "../options/options.hpp"

namespace handgrad::apps::mnist_vae::lesson {

using Tensor = reference::Tensor<double>;
using Model = reference::Vae<double>;

// A test image, and the noise that goes with it; both floats, exact in double.
struct Digit {
    Index position;  // among the test images
    int label;
    std::vector<std::uint8_t> pixels;
    Tensor x, noise;  // (1, 784), (1, latent)
};

struct Subject {
    // Trains; takes a second. Throws Error(input) if the sample cannot be found.
    Subject();

    TrainOptions options;  // it was trained with
    Dataset dataset;
    Vae model;
    double val_loss = 0, val_loss_on_mu = 0;  // after training; the second with z = mu
    reference::VaeConfig config;
    Model truth;  // with the same weights, in double
    // The first test image of each label, 0 to 9; and the one that the text is about.
    std::vector<Digit> digits;
    std::size_t chosen;
    const Digit& digit() const { return digits[chosen]; }
    const Digit& next_digit() const { return digits[(chosen + 1) % digits.size()]; }
};

}  // namespace handgrad::apps::mnist_vae::lesson
