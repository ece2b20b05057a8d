// The values of Google Benchmark's options, checked before it sees them: of most that it cannot
// read it says nothing, or ends the program as if all were well.
#pragma once

#include <span>

namespace handgrad::apps::kernel_bench {

// Throws Error(argument) for a value that an option of Google Benchmark cannot have, be it among the
// arguments or a variable of the environment such as BENCHMARK_FORMAT. What is not such an option is
// left to others.
void check_benchmark_options(std::span<char* const> arguments);

}  // namespace handgrad::apps::kernel_bench
