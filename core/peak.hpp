// The measured FMA peak of this machine: what speeds are given as a percentage of.
#pragma once

#include "isa.hpp"

namespace handgrad {

// Floating-point operations per second (an fma is two) of an instruction set on `threads` threads
// at once, in registers alone. The best of several short runs; takes about a tenth of a second.
// Throws Error(argument) as select_isa and set_thread_count do.
double measure_fma_peak(Isa isa, int threads);

}  // namespace handgrad
