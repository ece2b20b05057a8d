// On which images gradients are checked: those at which the loss has one derivative.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "../../../core/io/idx.hpp"
#include "../../../core/reference_vae.hpp"
#include "../model/vae.hpp"

namespace handgrad::apps::mnist_vae {

// Images (n, pixels) with noise (n samples, latent).
struct ImageBatch {
    Matrix x, noise;
};

// Images to choose from, other ones or with other noise at each attempt.
using Candidates = std::function<ImageBatch(Index attempt)>;

// Some of these images at each attempt, four times `wanted`: the next ones, from the first again
// after the last, with training noise of an epoch of its own. The images must outlive it.
Candidates candidates_of(const IdxImages& images, std::uint64_t seed, Index latent, Index samples,
                         Index wanted);

bool all_equal(const IdxImages& images);

struct ChosenImages {
    ImageBatch batch;
    Index skipped = 0;  // at a kink
    bool made = false;  // instead of images of the data
};

// The model as the scalar code knows it.
reference::VaeConfig reference_config(const Architecture& architecture, const Objective& objective);
reference::Vae<double> reference_of(Vae& model, const reference::VaeConfig& config);

// Chooses `wanted` images, or fewer if there are no more, where rounding decides nothing: it
// neither opens a ReLU nor closes a clamp. Looks further if more than half of them are missing or
// if a tensor gets no gradient, as from ReLUs that are off: at more images with other noise, and
// then, unless all images are alike, at made ones. Returns the best that it saw; images at a kink
// are among them only if there are no others, and only where the model and the scalar code decide
// alike.
ChosenImages choose_images(Vae& model, const Objective& objective, const Candidates& candidates,
                           Index wanted);

}  // namespace handgrad::apps::mnist_vae
