// Ops as text: "gemm_nn:128x512x784", "sparse_gemm_tn+adam:784x512x128:0.19", "adam:1x807700". What
// a profiler prints, kernel_bench --shape takes back.
#pragma once

#include <string>

#include "export.hpp"
#include "profile.hpp"

namespace handgrad {

// "gemm_tn", or "gemm_tn+adam" if a sink took the result.
HANDGRAD_API std::string op_name(const OpCall& call);
// "128x512x784": rows and columns of the result and, of a product, the length of its chains.
HANDGRAD_API std::string op_shape(const OpCall& call);
// Name, shape, and the density of a sparse product's operand.
HANDGRAD_API std::string op_text(const OpCall& call);

// What op_text wrote: name (in `op`, with the sink's behind a plus), sizes and density.
struct OpShape {
    std::string op;
    Index m = 0, n = 0, k = 0;
    double density = 1;
};

// Throws Error(argument) for any other text.
HANDGRAD_API OpShape parse_op_text(const std::string& text);

}  // namespace handgrad
