// What the operating system says of this machine.
#pragma once

#include "matrix.hpp"

namespace handgrad {

// Bytes of the data caches of one core; a usual size where the system does not say.
Index l1_cache_bytes();
Index l2_cache_bytes();

}  // namespace handgrad
