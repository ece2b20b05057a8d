// Weights as integers of 8 bits, with a scale for each row of W (out, in) as files have it: a
// quarter of the size, for pages that carry a model.
//
//   scale[r] = max over i of |W[r][i]| / 127
//   q[r][i]  = W[r][i] / scale[r], rounded        -127 ... 127
//
// What is read back, scale[r] q[r][i], differs from W[r][i] by at most scale[r] / 2, but for the
// rounding of the product.
#pragma once

#include <cstdint>
#include <vector>

#include "../../../core/blocked_view.hpp"

namespace handgrad::apps::mnist_vae {

struct QuantizedWeight {
    Index rows = 0, cols = 0;           // (out, in)
    std::vector<std::int8_t> integers;  // row-major
    std::vector<float> scales;          // one for each row; 0 for a row of zeros
};

// A weight as it lies in memory, (in, out), of finite numbers.
QuantizedWeight quantize(ConstBlockedView weight);

// Writes what `quantized` stands for to a weight of the same size, (in, out).
void dequantize(const QuantizedWeight& quantized, BlockedView weight);

}  // namespace handgrad::apps::mnist_vae
