#include "adam.hpp"

#include <algorithm>
#include <cmath>

#include "../core/error.hpp"
#include "../core/ops.hpp"

namespace handgrad {

Adam::Adam(ParameterArena& arena, const AdamConfig& config)
    : Optimizer(arena),
      config_(config),
      m_(1, Index(arena.values().size())),
      v_(1, Index(arena.values().size())) {
    const bool valid = config.beta1 >= 0 && config.beta1 < 1 && config.beta2 >= 0 &&
                       config.beta2 < 1 && config.epsilon > 0 && config.first_v >= 0;
    if (!valid)
        throw Error(ErrorKind::argument, "Adam", "constants out of range", "",
                    "0 <= beta < 1, epsilon > 0 and first_v >= 0");
    std::fill_n(v_.row(0), v_.cols(), static_cast<float>(config.first_v));
}

void Adam::begin_step(double learning_rate) {
    ++steps_;
    beta1_power_ *= config_.beta1;
    beta2_power_ *= config_.beta2;
    const double root = std::sqrt(1 - beta2_power_);
    const bool keras = config_.placement == EpsilonPlacement::keras;
    scalars_ = {
        .one_minus_beta1 = static_cast<float>(1 - config_.beta1),
        .one_minus_beta2 = static_cast<float>(1 - config_.beta2),
        .step_size = static_cast<float>(learning_rate * (keras ? root : 1.0) / (1 - beta1_power_)),
        .root_bias_correction = static_cast<float>(keras ? 1.0 : root),
        .epsilon = static_cast<float>(config_.epsilon),
        .delayed = config_.delayed,
    };
}

void Adam::take(Index first, std::span<const float> gradients) {
    active_kernels().adam(scalars_, gradients.data(), arena_.values().data() + first,
                          m_.row(0) + first, v_.row(0) + first, Index(gradients.size()));
}

std::vector<Optimizer::Buffer> Adam::state() {
    return {{"m", {m_.row(0), std::size_t(m_.cols())}}, {"v", {v_.row(0), std::size_t(v_.cols())}}};
}

// The running product of `steps` factors. It ends among the numbers next to 0, where rounding
// leaves it as it is, so that the steps after that need no loop.
static double running_power(double beta, std::int64_t steps) {
    double power = 1;
    for (std::int64_t t = 0; t < steps && power * beta != power; ++t) power *= beta;
    return power;
}

void Adam::resume_at(std::int64_t steps) {
    Optimizer::resume_at(steps);
    beta1_power_ = running_power(config_.beta1, steps);
    beta2_power_ = running_power(config_.beta2, steps);
}

}  // namespace handgrad
