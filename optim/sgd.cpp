#include "sgd.hpp"

#include "../core/error.hpp"
#include "../core/ops.hpp"

namespace handgrad {

Sgd::Sgd(ParameterArena& arena, const SgdConfig& config)
    : arena_(arena), config_(config), velocity_(1, Index(arena.values().size())) {
    if (!(config.momentum >= 0 && config.momentum < 1))
        throw Error(ErrorKind::argument, "Sgd", "momentum out of range",
                    std::to_string(config.momentum), "0 <= momentum < 1");
}

void Sgd::step(double learning_rate) {
    ++steps_;
    const kernels::KernelTable& table = active_kernels();
    parallel_for(velocity_.cols(), kElementsPerThread, [&](Index begin, Index end) {
        table.sgd(static_cast<float>(learning_rate), static_cast<float>(config_.momentum),
                  arena_.gradients().data() + begin, arena_.values().data() + begin,
                  velocity_.row(0) + begin, end - begin);
    });
}

std::vector<Optimizer::Buffer> Sgd::state() {
    return {{"velocity", {velocity_.row(0), std::size_t(velocity_.cols())}}};
}

}  // namespace handgrad
