// The error of every elementary function at every float, on the instruction sets that are named, or
// on all that the machine has. Prints the worst and where it is; fails beyond the promised bounds,
// or where sets that promise the same bits differ. Takes minutes: tests/scripts/long runs it.
#include <cstdio>
#include <exception>

#include "elementary.hpp"

using namespace handgrad;
using namespace handgrad::test;

int main(int argc, char** argv) try {
    std::vector<Isa> isas;
    for (int i = 1; i < argc; ++i) isas.push_back(isa_from_name(argv[i]));
    if (isas.empty()) isas.assign(supported_isas().begin(), supported_isas().end());
    bool failed = false;
    for (const Function& function : kFunctions) {
        const WorstOfEach worst = worst_of_floats(function, isas, 1);
        for (std::size_t s = 0; s < isas.size(); ++s) {
            const bool has_fma = isas[s] != Isa::sse2 && isas[0] != Isa::sse2;
            const bool good =
                worst[s].ulps <= function.ulps && !(has_fma && worst[s].other_bits > 0);
            failed |= !good;
            std::printf(
                "%s - %s on %s: worst error %.4f ulps at %a, bound %.1f; other bits: %llu\n",
                good ? "ok" : "not ok", function.name, isa_name(isas[s]), worst[s].ulps,
                double(worst[s].argument()), function.ulps,
                static_cast<unsigned long long>(worst[s].other_bits));
            std::fflush(stdout);
        }
    }
    return failed ? 1 : 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "every_float: %s\n", e.what());
    return 2;
}
