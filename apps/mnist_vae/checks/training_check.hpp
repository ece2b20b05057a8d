// The first steps of training beside those of the scalar reference in double: what no gradient
// shows, such as the noise of a batch or the optimiser, shows in the losses that follow.
#pragma once

#include <string>

#include "../../../core/io/idx.hpp"
#include "../options/options.hpp"

namespace handgrad::apps::mnist_vae {

struct TrainingCheck {
    Index steps = 0;
    double worst_loss_error = 0;  // beside the size of the loss's terms, over the steps
    bool passed() const;
};

// In float two trainings part when a ReLU decides differently; over the first 30 steps of the
// default model they stay within this of each other (measured beside PyTorch).
inline constexpr double kTrainingTolerance = 1e-5;

// Trains a new model for so many steps with Trainer, as the options say but with batches of 128
// images at most, and again with reference::Vae<double>.
TrainingCheck check_training(const TrainOptions& options, const IdxImages& images, Index steps);

}  // namespace handgrad::apps::mnist_vae
