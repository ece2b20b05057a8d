#include "quantize.hpp"

#include <algorithm>
#include <cmath>

namespace handgrad::apps::mnist_vae {

QuantizedWeight quantize(ConstBlockedView weight) {
    QuantizedWeight q{weight.cols, weight.rows, {}, {}};
    q.integers.reserve(std::size_t(q.rows * q.cols));
    for (Index r = 0; r < q.rows; ++r) {
        float largest = 0;
        for (Index i = 0; i < q.cols; ++i) largest = std::max(largest, std::abs(weight(i, r)));
        float scale = largest / 127;
        // The quotient may have been rounded up, and the largest float is near.
        if (!std::isfinite(scale * 127)) scale = std::nextafter(scale, 0.0f);
        q.scales.push_back(scale);
        for (Index i = 0; i < q.cols; ++i) {
            const double steps =
                scale > 0 ? std::nearbyint(double(weight(i, r)) / double(scale)) : 0;
            // Beyond 127 only where the scale is so small that it was rounded itself.
            q.integers.push_back(static_cast<std::int8_t>(std::clamp(steps, -127.0, 127.0)));
        }
    }
    return q;
}

void dequantize(const QuantizedWeight& q, BlockedView weight) {
    for (Index r = 0; r < q.rows; ++r)
        for (Index i = 0; i < q.cols; ++i)
            weight(i, r) = q.scales[std::size_t(r)] *
                           static_cast<float>(q.integers[std::size_t(r * q.cols + i)]);
}

}  // namespace handgrad::apps::mnist_vae
