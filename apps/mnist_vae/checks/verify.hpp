// Whether every way to compute a training gives the same weights.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "../../../core/isa.hpp"
#include "../../../core/matrix.hpp"

namespace handgrad::apps::mnist_vae {

// One way to compute the same.
struct ComputePath {
    Isa isa;
    int threads;
    bool sparsity, fuse;
    Index steps;
};

// All that this machine can do, for `steps` updates: every instruction set with a fused
// multiply-add on 1, 2, 3, 4 and 7 threads, sparse or not, fused or not. (SSE2 has none: its
// weights are close, not equal.) Scalar code, being slow, and one other for it, for 10 at most.
std::vector<ComputePath> determinism_paths(Index steps);

// Trains along each path and prints a row for each. Throws Error(mismatch) if `train`, which
// returns a digest of the weights, gives two paths of equally many steps different ones.
void verify_determinism(const std::vector<ComputePath>& paths,
                        const std::function<std::string(const ComputePath&)>& train,
                        const std::function<void(const std::string&)>& print);

}  // namespace handgrad::apps::mnist_vae
