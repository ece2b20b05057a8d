#include "machine.hpp"

#include <cstdio>
#include <map>
#include <utility>

namespace handgrad::apps::kernel_bench {

const Limits& measure_limits(Isa isa, int threads) {
    static std::map<std::pair<Isa, int>, Limits> known;
    const auto [entry, is_new] = known.try_emplace({isa, threads});
    Limits& limits = entry->second;
    if (!is_new) return limits;
    limits.fma_peak = measure_fma_peak(isa, threads);
    // Half of a cache: the other half is for whatever else the processor keeps there.
    const Index l1 = l1_cache_bytes() / 2;
    const Index l2 = l2_cache_bytes() / 2;
    for (const auto& [level, bytes] :
         {std::pair{"L1", l1}, std::pair{"L2", l2}, std::pair{"beyond L2", 16 * l2}})
        limits.bandwidths.push_back({level, measure_read_bandwidth(isa, threads, bytes)});
    return limits;
}

std::string describe_limits(Isa isa, int threads) {
    const Limits& limits = measure_limits(isa, threads);
    char text[128];
    std::snprintf(text, sizeof text, "%s, threads:%d: FMA peak %.1f GFLOP/s; reading",
                  isa_name(isa), threads, limits.fma_peak / 1e9);
    std::string line = text;
    for (const Bandwidth& b : limits.bandwidths) {
        std::snprintf(text, sizeof text, "%s %s %.0f", &b == &limits.bandwidths[0] ? "" : ",",
                      b.level.c_str(), b.bytes_per_second / 1e9);
        line += text;
    }
    return line + " GB/s";
}

}  // namespace handgrad::apps::kernel_bench
