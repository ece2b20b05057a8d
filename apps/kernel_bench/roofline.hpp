// The roofline of this machine with a dot for every kernel: speed over arithmetic intensity.
#pragma once

#include <string>
#include <vector>

#include "machine.hpp"

namespace handgrad::apps::kernel_bench {

struct RooflineDot {
    std::string name;
    double intensity;  // operations for each byte of operands
    double rate;       // operations a second
};

// An SVG picture: the FMA peak as a level, the bandwidths as slopes, the dots numbered and listed.
// Williams, Waterman and Patterson 2009.
std::string draw_roofline(const std::string& title, const Limits& limits,
                          const std::vector<RooflineDot>& dots);

}  // namespace handgrad::apps::kernel_bench
