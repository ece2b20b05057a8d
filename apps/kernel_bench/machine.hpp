// The measured limits of this machine, against which kernels are held.
#pragma once

#include <string>
#include <vector>

#include "../../handgrad.hpp"

namespace handgrad::apps::kernel_bench {

struct Bandwidth {
    std::string level;  // "L1", "L2", "beyond L2"
    double bytes_per_second;
};

// Of one instruction set on a number of threads.
struct Limits {
    double fma_peak = 0;  // operations a second
    std::vector<Bandwidth> bandwidths;
};

// Measures, or returns what was measured before. Takes half a second.
const Limits& measure_limits(Isa isa, int threads);

// "avx512, threads:1: FMA peak 240.1 GFLOP/s; reading L1 401, L2 173, beyond L2 21 GB/s"
std::string describe_limits(Isa isa, int threads);

}  // namespace handgrad::apps::kernel_bench
