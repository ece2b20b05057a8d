#include "peak.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "kernels/table.hpp"
#include "parallel.hpp"

namespace handgrad {

namespace {

// The best of several runs of the sum, over all threads at once, of how much work a second each
// does. work(thread) does some and returns how much.
double measure_rate(int threads, const std::function<double(Index thread)>& work) {
    const int before = thread_count();
    set_thread_count(threads);
    constexpr double kSeconds = 0.015;
    std::vector<double> rate(static_cast<std::size_t>(threads));
    double best = 0;
    for (int run = 0; run < 7; ++run) {
        std::fill(rate.begin(), rate.end(), 0.0);
        parallel_for(threads, 1, [&](Index begin, Index end) {
            using Clock = std::chrono::steady_clock;
            for (Index thread = begin; thread < end; ++thread) {
                double done = 0, seconds = 0;
                const Clock::time_point start = Clock::now();
                while (seconds < kSeconds) {
                    done += work(thread);
                    seconds = std::chrono::duration<double>(Clock::now() - start).count();
                }
                rate[static_cast<std::size_t>(thread)] = done / seconds;
            }
        });
        double sum = 0;
        for (double r : rate) sum += r;
        best = std::max(best, sum);
    }
    set_thread_count(before);
    return best;
}

}  // namespace

double measure_fma_peak(Isa isa, int threads) {
    const kernels::KernelTable& table = kernel_table(isa);
    constexpr Index kSteps = 20000;
    return measure_rate(threads, [&](Index) {
        float sink = 0;
        return table.run_fmas(kSteps, &sink);
    });
}

double measure_read_bandwidth(Isa isa, int threads, Index bytes_per_thread) {
    const kernels::KernelTable& table = kernel_table(isa);
    const Index size = std::max<Index>(1024, bytes_per_thread / Index(sizeof(float)));
    Matrix arrays(threads, size);  // written once here: the pages exist
    // Small arrays are read many times between two looks at the clock.
    const Index repeats = std::max<Index>(1, (1 << 18) / size);
    return measure_rate(threads, [&](Index thread) {
        float sink = 0;
        for (Index i = 0; i < repeats; ++i) table.read_floats(arrays.row(thread), size, &sink);
        return double(repeats) * double(size) * sizeof(float);
    });
}

}  // namespace handgrad
