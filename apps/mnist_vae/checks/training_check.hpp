// The first steps of training beside those of the scalar reference in double: what no gradient
// shows, such as the noise of a batch or the optimiser, shows in the losses and in the way that the
// weights go, the second however short it is.
#pragma once

#include <string>

#include "../../../core/io/idx.hpp"
#include "../options/options.hpp"

namespace handgrad::apps::mnist_vae {

struct TrainingCheck {
    Index steps = 0;
    double worst_loss_error = 0;  // beside the size of the loss's terms, over the steps
    // Of the tensors whose way is longer than the roundings of float that it is made of.
    Index tensors = 0, measured_tensors = 0;
    double worst_way_error = 0;  // of the difference of two ways beside the right one, Euclidean
    bool losses_passed() const;
    bool ways_passed() const;
    bool passed() const { return losses_passed() && ways_passed(); }
};

// In float two trainings part when a ReLU decides differently; over the first 30 steps of the
// default model they stay within this of each other (measured beside PyTorch).
inline constexpr double kTrainingTolerance = 1e-5;

// Adam goes as far for a small gradient as for a large one, and the other way if its sign is
// another: 1 element of 10,000 that is a rounding from 0 makes this of a way. Moments of the step
// before make a fifth in five steps, and more in fewer.
inline constexpr double kWayTolerance = 0.02;

// Trains a new model for so many steps with Trainer, as the options say but with batches of 128
// images at most, and again with reference::Vae<double>.
TrainingCheck check_training(const TrainOptions& options, const IdxImages& images, Index steps);

}  // namespace handgrad::apps::mnist_vae
