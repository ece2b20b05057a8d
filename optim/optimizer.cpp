#include "optimizer.hpp"

#include "../core/ops.hpp"

namespace handgrad {

void Optimizer::step(double learning_rate) {
    begin_step(learning_rate);
    const std::span<const float> gradients = arena_.gradients();
    parallel_for(Index(gradients.size()), kElementsPerThread, [&](Index begin, Index end) {
        take(begin, gradients.subspan(std::size_t(begin), std::size_t(end - begin)));
    });
}

}  // namespace handgrad
