#include "schedule.hpp"

#include <string>

#include "../core/error.hpp"
#include "../core/ops.hpp"

namespace handgrad {

double scheduled_rate(Schedule schedule, double lr, std::int64_t step, std::int64_t total_steps) {
    if (!(0 <= step && step < total_steps))
        throw Error(ErrorKind::argument, "scheduled_rate", "step out of range",
                    std::to_string(step), "0 to " + std::to_string(total_steps - 1));
    switch (schedule) {
        case Schedule::constant:
            return lr;
        case Schedule::step:
            if (4 * step >= 3 * total_steps) return lr * 0.01;
            return 2 * step >= total_steps ? lr * 0.1 : lr;
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
