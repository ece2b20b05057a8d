#include "timing.hpp"

#include <algorithm>
#include <chrono>

namespace handgrad::apps::kernel_bench {

double median_seconds(const std::function<void()>& call) {
    using Clock = std::chrono::steady_clock;
    constexpr int kRuns = 9;
    constexpr double kSeconds = 0.005;
    double runs[kRuns];
    call();
    for (double& run : runs) {
        int calls = 0;
        double seconds = 0;
        const Clock::time_point start = Clock::now();
        do {
            call();
            ++calls;
            seconds = std::chrono::duration<double>(Clock::now() - start).count();
        } while (seconds < kSeconds);
        run = seconds / calls;
    }
    std::nth_element(runs, runs + kRuns / 2, runs + kRuns);
    return runs[kRuns / 2];
}

}  // namespace handgrad::apps::kernel_bench
