#include "initializers.hpp"

#include <cmath>

#include "../core/random.hpp"

namespace handgrad {

static double limit(Initializer initializer, double fan_in, double fan_out) {
    switch (initializer) {
        case Initializer::glorot:
            return std::sqrt(6.0 / (fan_in + fan_out));
        case Initializer::he:
            return std::sqrt(6.0 / fan_in);
        case Initializer::torch:
            return 1.0 / std::sqrt(fan_in);
    }
    return 0.0;
}

void initialize(Initializer initializer, std::uint64_t seed, std::uint32_t tensor, BlockedView w,
                BlockedView b) {
    check_shape("initialize: b", b, 1, w.cols);
    const float a = static_cast<float>(limit(initializer, double(w.rows), double(w.cols)));
    fill_uniform(seed, Purpose::initial_weights, 0, tensor, -a, a, w);
    if (initializer == Initializer::torch)
        fill_uniform(seed, Purpose::initial_weights, 0, tensor + 1, -a, a, b);
    else
        for (Index j = 0; j < b.cols; ++j) b(0, j) = 0;
}

}  // namespace handgrad
