// Gradient clipping by global norm (Pascanu et al. 2013).
#pragma once

#include "../core/export.hpp"
#include "../core/parameter.hpp"

namespace handgrad {

// norm = sqrt(sum g^2) over all parameters; if it exceeds max_norm, every gradient is multiplied by
// max_norm / norm. Returns the norm from before. Throws Error(argument) unless max_norm > 0.
HANDGRAD_API double clip_global_norm(ParameterArena& arena, double max_norm);

}  // namespace handgrad
