// What the operating system says of this machine.
#pragma once

#include "export.hpp"
#include "matrix.hpp"

namespace handgrad {

// Bytes of the data caches of one core; a usual size where the system does not say.
HANDGRAD_API Index l1_cache_bytes();
HANDGRAD_API Index l2_cache_bytes();

}  // namespace handgrad
