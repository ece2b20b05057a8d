#include "initializers.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

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
        case Initializer::lecun:
            break;
    }
    return 0.0;
}

// N(0, 1) cut off at +-2, times what gives it the variance 1 / fan_in. A number beyond is drawn
// again: the k-th time from the stream of epoch k, so that no number depends on its neighbours.
static void fill_truncated_normal(std::uint64_t seed, std::uint32_t tensor, BlockedView w) {
    constexpr float kCut = 2;
    constexpr double kStandardDeviation = 0.87962566103423978;  // of what is left
    const float scale = static_cast<float>(1 / (kStandardDeviation * std::sqrt(double(w.rows))));
    std::vector<float> drawn(std::size_t(w.rows * w.cols), 2 * kCut), again(drawn.size());
    const auto is_beyond = [](float x) { return !(std::abs(x) <= kCut); };
    for (std::uint32_t k = 0; std::any_of(drawn.begin(), drawn.end(), is_beyond); ++k) {
        fill_normal(seed, Purpose::initial_weights, k, tensor, again);
        std::transform(drawn.begin(), drawn.end(), again.begin(), drawn.begin(),
                       [&](float old, float fresh) { return is_beyond(old) ? fresh : old; });
    }
    for (Index i = 0; i < w.rows; ++i)
        for (Index j = 0; j < w.cols; ++j) w(i, j) = scale * drawn[std::size_t(i * w.cols + j)];
}

void initialize(Initializer initializer, std::uint64_t seed, std::uint32_t tensor, BlockedView w,
                BlockedView b) {
    check_shape("initialize: b", b, 1, w.cols);
    const float a = static_cast<float>(limit(initializer, double(w.rows), double(w.cols)));
    if (initializer == Initializer::lecun)
        fill_truncated_normal(seed, tensor, w);
    else
        fill_uniform(seed, Purpose::initial_weights, 0, tensor, -a, a, w);
    if (initializer == Initializer::torch)
        fill_uniform(seed, Purpose::initial_weights, 0, tensor + 1, -a, a, b);
    else
        for (Index j = 0; j < b.cols; ++j) b(0, j) = 0;
}

}  // namespace handgrad
