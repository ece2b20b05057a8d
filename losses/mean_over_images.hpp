// What the losses share: a kernel per row, the mean over rows.
#pragma once

#include "../core/error.hpp"
#include "../core/ops.hpp"

namespace handgrad::detail {

using RowLoss = float (*)(const float* y, const float* targets, float scale, float* dy, Index n);

// The mean over the images of row_loss, in double; dy gets the gradient of that mean. The kernel
// takes `flops` operations for each element.
inline double mean_over_images(const char* name, int flops, RowLoss row_loss, ConstMatrixView y,
                               ConstMatrixView targets, MatrixView dy) {
    check_shape(name, targets, y.rows, y.cols);
    if (dy.data != nullptr) check_shape(name, dy, y.rows, y.cols);
    if (y.rows == 0) throw Error(ErrorKind::argument, name, "a mean over no images");
    const OpScope scope(
        describe_elementwise(name, y.rows, y.cols, dy.data != nullptr ? 3 : 2, flops));
    const float scale = 1.0f / static_cast<float>(y.rows);
    const double sum = sum_over_rows(y.rows, y.cols, [&](Index i) {
        return row_loss(y.row(i), targets.row(i), scale, dy.data != nullptr ? dy.row(i) : nullptr,
                        y.cols);
    });
    return sum / static_cast<double>(y.rows);
}

}  // namespace handgrad::detail
