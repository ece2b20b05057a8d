#include "thread_sweep.hpp"

#include <algorithm>
#include <cstdio>

#include "op_runs.hpp"
#include "timing.hpp"

namespace handgrad::apps::kernel_bench {

// 1, 2, 3, 4, then by about half as many again.
static std::vector<int> thread_counts(int most) {
    std::vector<int> counts;
    for (int n = 1; n < most; n += std::max(1, n / 2 - n / 4)) counts.push_back(n);
    counts.push_back(most);
    return counts;
}

std::string sweep_threads(Isa isa, const std::vector<std::string>& ops, int most) {
    // Within this of the fastest, another thread is not worth its while.
    constexpr double kAsGood = 1.03;
    select_isa(isa);
    const std::vector<int> counts = thread_counts(most);
    char text[128];
    std::snprintf(text, sizeof text, "%-40s", (std::string("us a call, ") + isa_name(isa)).c_str());
    std::string table = text;
    for (int n : counts) {
        std::snprintf(text, sizeof text, " %9s", ("threads:" + std::to_string(n)).c_str());
        table += text;
    }
    table += "   best   speed\n";
    for (const std::string& name : ops) {
        const OpRun op = make_op_run(parse_op_text(name));
        std::vector<double> seconds;
        for (int n : counts) {
            set_thread_count(n);
            seconds.push_back(median_seconds(op.run));
        }
        const double fastest = *std::min_element(seconds.begin(), seconds.end());
        std::size_t best = 0;
        while (seconds[best] > kAsGood * fastest) ++best;
        std::snprintf(text, sizeof text, "%-40s", name.c_str());
        table += text;
        for (double s : seconds) {
            std::snprintf(text, sizeof text, " %9.2f", s * 1e6);
            table += text;
        }
        std::snprintf(text, sizeof text, " %6d  %5.2fx\n", counts[best],
                      seconds[0] / seconds[best]);
        table += text;
    }
    return table;
}

}  // namespace handgrad::apps::kernel_bench
