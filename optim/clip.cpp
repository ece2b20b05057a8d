#include "clip.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "../core/error.hpp"
#include "../core/ops.hpp"

namespace handgrad {

double clip_global_norm(ParameterArena& arena, double max_norm) {
    if (!(max_norm > 0))
        throw Error(ErrorKind::argument, "clip_global_norm", "norm out of range",
                    std::to_string(max_norm), "above 0");
    const std::span<float> g = arena.gradients();
    const Index size = static_cast<Index>(g.size());
    const OpScope scope(describe_elementwise("clip_global_norm", 1, size, 1, 2));
    const kernels::KernelTable& table = active_kernels();
    // Chunks of a fixed size, whatever the number of threads: the sum has one order.
    constexpr Index kChunk = 4096;
    const Index chunks = (size + kChunk - 1) / kChunk;
    const double squares = sum_over_rows(chunks, kChunk, [&](Index i) {
        return table.sum_squares(g.data() + i * kChunk, std::min(kChunk, size - i * kChunk));
    });
    const double norm = std::sqrt(squares);
    if (norm > max_norm) {
        const float factor = static_cast<float>(max_norm / norm);
        parallel_for(size, kElementsPerThread, [&](Index begin, Index end) {
            table.scale(factor, g.data() + begin, end - begin);
        });
    }
    return norm;
}

}  // namespace handgrad
