// Ops that can be run alone, on random operands of any shape.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "../../handgrad.hpp"

namespace handgrad::apps::kernel_bench {

// One op with its operands: run() is one call. flops and bytes are what the library itself says of
// a call; 0 in a build that cannot profile.
struct OpRun {
    std::function<void()> run;
    double flops = 0, bytes = 0;
};

// Throws Error(argument) for an op that is not known or a shape that it cannot have.
OpRun make_op_run(const OpShape& shape);

// The names of all ops that make_op_run knows.
std::vector<std::string> op_names();

// The ops of training steps of 784-512-2 and 784-400-20 with batches of 128, and of their other
// losses and optimisers.
std::vector<std::string> default_ops();

}  // namespace handgrad::apps::kernel_bench
