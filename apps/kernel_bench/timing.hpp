// How long a call takes, for the tables and pictures that Google Benchmark does not make.
#pragma once

#include <functional>

namespace handgrad::apps::kernel_bench {

// The median of nine runs of at least 5 ms each, in seconds a call, after a first run to warm up.
double median_seconds(const std::function<void()>& call);

}  // namespace handgrad::apps::kernel_bench
