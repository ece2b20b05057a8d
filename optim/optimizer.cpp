#include "optimizer.hpp"

#include "../core/error.hpp"
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

void Optimizer::resume_at(std::int64_t steps) {
    if (steps < 0)
        throw Error(ErrorKind::argument, "Optimizer::resume_at", "the number of steps done",
                    std::to_string(steps), "0 or more");
    steps_ = steps;
}

}  // namespace handgrad
