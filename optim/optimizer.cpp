#include "optimizer.hpp"

#include "../core/ops.hpp"

namespace handgrad {

void Optimizer::step(double learning_rate) {
    begin_step(learning_rate);
    const std::span<const float> gradients = arena_.gradients();
    const double size = double(gradients.size());
    const OpScope scope({.op = cost().name,
                         .m = 1,
                         .n = Index(gradients.size()),
                         .flops = cost().flops_per_value * size,
                         .bytes = (cost().bytes_per_value + sizeof(float)) * size});
    parallel_for(Index(gradients.size()), kElementsPerThread, [&](Index begin, Index end) {
        take(begin, gradients.subspan(std::size_t(begin), std::size_t(end - begin)));
    });
}

}  // namespace handgrad
