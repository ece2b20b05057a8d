#include "sgd.hpp"

#include "../core/error.hpp"
#include "../core/ops.hpp"

namespace handgrad {

Sgd::Sgd(ParameterArena& arena, const SgdConfig& config)
    : Optimizer(arena), config_(config), velocity_(1, Index(arena.values().size())) {
    if (!(config.momentum >= 0 && config.momentum < 1))
        throw Error(ErrorKind::argument, "Sgd", "momentum out of range",
                    std::to_string(config.momentum), "0 <= momentum < 1");
}

void Sgd::begin_step(double learning_rate) {
    ++steps_;
    rate_ = static_cast<float>(learning_rate);
}

void Sgd::take(Index first, std::span<const float> gradients) {
    active_kernels().sgd(rate_, static_cast<float>(config_.momentum), gradients.data(),
                         arena_.values().data() + first, velocity_.row(0) + first,
                         Index(gradients.size()));
}

std::vector<Optimizer::Buffer> Sgd::state() {
    return {{"velocity", {velocity_.row(0), std::size_t(velocity_.cols())}}};
}

}  // namespace handgrad
