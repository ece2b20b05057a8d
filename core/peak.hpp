// The measured limits of this machine: what speeds are given as a percentage of.
#pragma once

#include "export.hpp"
#include "isa.hpp"
#include "matrix.hpp"

namespace handgrad {

// Floating-point operations per second (an fma is two) of an instruction set on `threads` threads
// at once, in registers alone. The best of several short runs; takes about a tenth of a second.
// Throws Error(argument) as select_isa and set_thread_count do.
HANDGRAD_API double measure_fma_peak(Isa isa, int threads);

// Bytes per second that `threads` threads read at once, each over and over an array of its own of
// `bytes_per_thread`: of a cache that holds it, or of memory. As quick; throws as above.
HANDGRAD_API double measure_read_bandwidth(Isa isa, int threads, Index bytes_per_thread);

}  // namespace handgrad
