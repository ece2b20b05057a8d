// Instruction sets: which this processor has, and which one the kernels use.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "export.hpp"

namespace handgrad {

namespace kernels {
struct KernelTable;
}

// Weakest first. avx2 includes FMA; avx512 means F, BW, DQ, VL and CD.
enum class Isa { scalar, sse2, avx2, avx512, neon };

// As HANDGRAD_ISA takes it: "avx2".
HANDGRAD_API const char* isa_name(Isa isa);

// Throws Error(argument) with the list of names for one that is unknown.
HANDGRAD_API Isa isa_from_name(std::string_view name);

// True if this build has kernels for it and this processor and operating system can run them.
HANDGRAD_API bool isa_supported(Isa isa);

// Every instruction set that is supported here, weakest first; scalar is always among them.
HANDGRAD_API std::span<const Isa> supported_isas();

// The kernels in use. At first: the strongest supported set, or what the environment variable
// HANDGRAD_ISA names. Throws Error(argument) if that is no known or no supported name.
HANDGRAD_API const kernels::KernelTable& active_kernels();
HANDGRAD_API Isa active_isa();

// Uses another set from now on. Throws Error(argument) if it is not supported here. Not to be
// called while another thread computes.
HANDGRAD_API void select_isa(Isa isa);

// The table of one instruction set. Throws Error(argument) if it is not supported here.
HANDGRAD_API const kernels::KernelTable& kernel_table(Isa isa);

}  // namespace handgrad
