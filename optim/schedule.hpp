// Learning rate schedules: the rate of a step as a function of how far training has come.
//
//   constant   lr
//   step       lr, a tenth of it from half of the steps on, a hundredth from three quarters on
//   cosine     lr (1 + cos(pi progress)) / 2      Loshchilov and Hutter 2017, without restarts
//   iwae       stages of 1, 3, 9, 27, ... 3^7 epochs, each at a smaller part of lr, from 1 to 0.1,
//   a
//              constant factor apart but for rounding; 0.1 ever after
//                                            Burda, Grosse and Salakhutdinov 2016, section 5.1
//
// with progress = step / total_steps.
#pragma once

#include <cstdint>

#include "../core/export.hpp"

namespace handgrad {

enum class Schedule { constant, step, cosine, iwae };

// The learning rate of step number `step`, counted from 0, of total_steps. Throws Error(argument)
// unless 0 <= step < total_steps and steps_per_epoch >= 1.
HANDGRAD_API double scheduled_rate(Schedule schedule, double lr, std::int64_t step,
                                   std::int64_t total_steps, std::int64_t steps_per_epoch);

}  // namespace handgrad
