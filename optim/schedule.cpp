#include "schedule.hpp"

#include <iterator>
#include <string>

#include "../core/error.hpp"
#include "../core/ops.hpp"

namespace handgrad {

// 10^(-i/7) for stage i, rounded to hundredths as the authors' program rounds it.
static double stage_rate(double lr, std::int64_t epoch) {
    constexpr double kParts[] = {1, 0.72, 0.52, 0.37, 0.27, 0.19, 0.14, 0.1};
    std::int64_t length = 1, end = 1;  // of stage i, in epochs
    std::size_t i = 0;
    for (; i + 1 < std::size(kParts) && epoch >= end; ++i) end += length *= 3;
    return lr * kParts[i];
}

double scheduled_rate(Schedule schedule, double lr, std::int64_t step, std::int64_t total_steps,
                      std::int64_t steps_per_epoch) {
    if (steps_per_epoch < 1)
        throw Error(ErrorKind::argument, "scheduled_rate", "an epoch without steps",
                    std::to_string(steps_per_epoch), "at least 1");
    if (!(0 <= step && step < total_steps))
        throw Error(ErrorKind::argument, "scheduled_rate", "step out of range",
                    std::to_string(step), "0 to " + std::to_string(total_steps - 1));
    switch (schedule) {
        case Schedule::constant:
            return lr;
        case Schedule::step:
            if (4 * step >= 3 * total_steps) return lr * 0.01;
            return 2 * step >= total_steps ? lr * 0.1 : lr;
        case Schedule::iwae:
            return stage_rate(lr, step / steps_per_epoch);
        case Schedule::cosine: {
            // Our own cosine: the C library's may differ from machine to machine.
            const float angle =
                static_cast<float>(3.14159265358979323846 * double(step) / double(total_steps));
            float cosine;
            active_kernels().cos(&angle, &cosine, 1);
            return lr * 0.5 * (1.0 + static_cast<double>(cosine));
        }
    }
    return lr;
}

}  // namespace handgrad
