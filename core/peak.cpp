#include "peak.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "kernels/table.hpp"
#include "parallel.hpp"

namespace handgrad {

double measure_fma_peak(Isa isa, int threads) {
    const kernels::KernelTable& table = kernel_table(isa);
    const int before = thread_count();
    set_thread_count(threads);
    constexpr double kSeconds = 0.015;
    constexpr Index kSteps = 20000;
    std::vector<double> rate(static_cast<std::size_t>(threads));
    double best = 0;
    for (int run = 0; run < 7; ++run) {
        std::fill(rate.begin(), rate.end(), 0.0);
        parallel_for(threads, 1, [&](Index begin, Index end) {
            using Clock = std::chrono::steady_clock;
            for (Index thread = begin; thread < end; ++thread) {
                float sink = 0;
                double operations = 0, seconds = 0;
                const Clock::time_point start = Clock::now();
                while (seconds < kSeconds) {
                    operations += table.run_fmas(kSteps, &sink);
                    seconds = std::chrono::duration<double>(Clock::now() - start).count();
                }
                rate[static_cast<std::size_t>(thread)] = operations / seconds;
            }
        });
        double sum = 0;
        for (double r : rate) sum += r;
        best = std::max(best, sum);
    }
    set_thread_count(before);
    return best;
}

}  // namespace handgrad
