// How an op walks over a matrix: rows in parallel, and sums over rows whose bits do not depend on
// the number of threads. The arithmetic itself is in the kernels; each op's home is its own file
// in layers/, losses/ or optim/.
#pragma once

#include <algorithm>
#include <span>

#include "export.hpp"
#include "gemm.hpp"
#include "matrix.hpp"
#include "parallel.hpp"
#include "profile.hpp"

namespace handgrad {

// Elements that are worth waking another thread for: about 1 us of element-wise work.
inline constexpr Index kElementsPerThread = 8192;

// How many rows of `cols` elements make that much work.
constexpr Index rows_per_thread(Index cols) {
    return std::max<Index>(1, kElementsPerThread / std::max<Index>(1, cols));
}

// What an op on m x n elements tells a profiler: `arrays` of that size are read or written, with
// `flops` operations in the kernel's code for each element.
inline OpCall describe_elementwise(const char* op, Index m, Index n, int arrays, int flops) {
    const double size = double(m) * double(n);
    return {
        .op = op, .m = m, .n = n, .flops = flops * size, .bytes = sizeof(float) * arrays * size};
}

// Calls body(i) once for every row index, rows in parallel.
template <class Body>
void for_each_row(Index rows, Index cols, Body&& body) {
    parallel_for(rows, rows_per_thread(cols), [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) body(i);
    });
}

// The sum of body(i) over all rows: computed in parallel, added in double in the order of i.
template <class Body>
double sum_over_rows(Index rows, Index cols, Body&& body) {
    constexpr Index kBlock = 256;
    double partial[kBlock];
    double sum = 0;
    for (Index first = 0; first < rows; first += kBlock) {
        const Index count = std::min(kBlock, rows - first);
        for_each_row(count, cols, [&](Index i) { partial[i] = body(first + i); });
        for (Index i = 0; i < count; ++i) sum += partial[i];
    }
    return sum;
}

// Column sums, each one chain over increasing row:
//   y[j] = sum_i x(i, j)           overwrite
//   y[j] += x(0, j) += x(1, j) ..  accumulate
// x (n, c), y (1, c). Throws Error(argument) for other shapes.
HANDGRAD_API void sum_rows(ConstMatrixView x, Write write, BlockedView y);

// x(i, j) *= factors[i], and +0 where that is below 1e-30. Throws Error(argument) unless there is a
// factor for every row.
HANDGRAD_API void scale_rows(std::span<const float> factors, MatrixView x);

}  // namespace handgrad
