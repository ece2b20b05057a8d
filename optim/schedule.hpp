// Learning rate schedules: the rate of a step as a function of how far training has come.
//
//   constant   lr
//   step       lr, a tenth of it from half of the steps on, a hundredth from three quarters on
//   cosine     lr (1 + cos(pi progress)) / 2      Loshchilov and Hutter 2017, without restarts
//
// with progress = step / total_steps.
#pragma once

#include <cstdint>

namespace handgrad {

enum class Schedule { constant, step, cosine };

// The learning rate of step number `step`, counted from 0, of total_steps. Throws Error(argument)
// unless 0 <= step < total_steps.
double scheduled_rate(Schedule schedule, double lr, std::int64_t step, std::int64_t total_steps);

}  // namespace handgrad
