// Between the library's matrices and the reference's tensors, and random fillings of both.
#pragma once

#include <random>
#include <vector>

#include "../../core/matrix.hpp"
#include "../../core/reference.hpp"

namespace handgrad::test {

using reference::to_tensor;

// Uniform in [low, high].
inline Matrix random_matrix(Index rows, Index cols, unsigned seed, float low = -1, float high = 1) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> uniform(low, high);
    Matrix m(rows, cols);
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < cols; ++j) m(i, j) = uniform(generator);
    return m;
}

// Every element, padding too: what a function must overwrite, or must not touch.
inline void fill(Matrix& m, float value) {
    for (Index i = 0; i < m.rows(); ++i)
        for (Index j = 0; j < m.ld(); ++j) m.row(i)[j] = value;
}

}  // namespace handgrad::test
