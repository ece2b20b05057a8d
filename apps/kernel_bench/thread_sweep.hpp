// Where threads stop paying: every op on 1, 2, 3, ... threads.
#pragma once

#include <string>
#include <vector>

#include "../../handgrad.hpp"

namespace handgrad::apps::kernel_bench {

// A table: for each op its time on each number of threads up to `most`, and the smallest number
// that is within 3 % of the fastest.
std::string sweep_threads(Isa isa, const std::vector<std::string>& ops, int most);

}  // namespace handgrad::apps::kernel_bench
