// How the weights of a dense layer start.
//
//   glorot   W ~ U(-a, a), a = sqrt(6 / (fan_in + fan_out)), b = 0   Glorot and Bengio 2010; Keras
//   he       W ~ U(-a, a), a = sqrt(6 / fan_in),             b = 0   He et al. 2015; for relu
//   lecun    W ~ N(0, s^2) without what lies beyond 2 s, of variance 1 / fan_in, b = 0
//                                       LeCun et al. 1998; Flax's lecun_normal
//   torch    W, b ~ U(-a, a), a = 1 / sqrt(fan_in)                   PyTorch's nn.Linear
//
// fan_in and fan_out are the rows and columns of W.
#pragma once

#include <cstdint>

#include "../core/export.hpp"
#include "../core/matrix.hpp"

namespace handgrad {

enum class Initializer { glorot, he, torch, lecun };

// Overwrites w (in, out) and b (1, out). The numbers depend on the seed and the tensor numbers
// alone: a model counts its tensors from 0, weight and bias in turn, so this layer's weight is
// `tensor` and its bias `tensor` + 1. Throws Error(argument) if b does not fit w.
HANDGRAD_API void initialize(Initializer initializer, std::uint64_t seed, std::uint32_t tensor,
                             BlockedView w, BlockedView b);

}  // namespace handgrad
