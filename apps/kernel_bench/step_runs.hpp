// Ops in their place within training steps, where the caches hold what the op before left there.
#pragma once

#include <string>
#include <vector>

#include "../../handgrad.hpp"

namespace handgrad::apps::kernel_bench {

// What one op of a step took, step by step.
struct OpInStep {
    std::string name;  // "gemm_nn:128x784x512/decoder.1"
    double flops, bytes;
    std::vector<double> seconds;
};

// Trains 784-hidden-latent for `steps` batches of 128 after 20 to warm up, on the data that
// mnist_vae would take. The first row is the whole step. Empty in a build that cannot profile.
std::vector<OpInStep> run_steps(Isa isa, int threads, Index hidden, Index latent, Index steps);

}  // namespace handgrad::apps::kernel_bench
