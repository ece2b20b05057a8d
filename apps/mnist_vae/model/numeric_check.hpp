// Where numbers stop being finite: the first such number of a training step, with what it was made
// of. For --check-numerics.
#pragma once

#include <string>

#include "../../../optim/optimizer.hpp"
#include "vae.hpp"

namespace handgrad::apps::mnist_vae {

// Each throws Error(numeric), naming `where`, the layer or tensor, the position and the inputs, for
// the first number that is infinite or NaN.

// What the last forward computed, in its order.
void check_forward(Vae& model, const std::string& where);
// The gradient of every tensor, in the order of the backward pass.
void check_gradients(Vae& model, const std::string& where);
// Every tensor after an update.
void check_update(Vae& model, Optimizer& optimizer, const std::string& where);
// Everything that a checkpoint holds: parameters and the optimiser's buffers.
void check_state(Vae& model, Optimizer& optimizer, const std::string& where);

// A result that is to be shown or saved; `model` is the file of the weights that it was made with.
void check_result(const std::string& model, const std::string& what, ConstMatrixView values);
void check_result(const std::string& model, const std::string& what, double value);

}  // namespace handgrad::apps::mnist_vae
