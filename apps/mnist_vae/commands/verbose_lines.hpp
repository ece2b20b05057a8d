// HANDGRAD_VERBOSE=1: a line on standard error for every op.
#pragma once

#include <string>

#include "../../../core/profile.hpp"

namespace handgrad::apps::mnist_vae {

// "handgrad gemm_nn:128x512x784 avx512 threads:2 0.271 ms 379.2 GFLOP/s decoder.1"; the second
// word is what kernel_bench --shape takes.
std::string format_verbose_line(const OpCall& call);

class VerboseLines : public Profiler {
  public:
    void op_done(const OpCall& call) override;
};

// Whether the environment asks for them. Throws Error(argument) for a value other than 0 and 1.
bool verbose_lines_wanted();

}  // namespace handgrad::apps::mnist_vae
