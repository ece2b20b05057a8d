// What the losses share: a kernel per row, the mean over rows.
#pragma once

#include <string>

#include "../core/error.hpp"
#include "../core/ops.hpp"
#include "reduction.hpp"

namespace handgrad::detail {

using RowLoss = float (*)(const float* y, const float* targets, float scale, float* dy, Index n);

// The mean over the images of row_loss, in double; dy gets the gradient as `reduction` says. The
// kernel takes `flops` operations for each element.
inline double mean_over_images(const char* name, int flops, RowLoss row_loss, ConstMatrixView y,
                               ConstMatrixView targets, MatrixView dy, const Reduction& reduction) {
    check_shape(name, targets, y.rows, y.cols);
    if (dy.data != nullptr) check_shape(name, dy, y.rows, y.cols);
    if (y.rows == 0) throw Error(ErrorKind::argument, name, "a mean over no images");
    if (!reduction.per_image.empty() && Index(reduction.per_image.size()) != y.rows)
        throw Error(ErrorKind::argument, name, "per_image is of another length",
                    std::to_string(reduction.per_image.size()), std::to_string(y.rows));
    const OpScope scope(
        describe_elementwise(name, y.rows, y.cols, dy.data != nullptr ? 3 : 2, flops));
    const float scale = reduction.weight / static_cast<float>(y.rows);
    const double sum = sum_over_rows(y.rows, y.cols, [&](Index i) {
        const float loss = row_loss(y.row(i), targets.row(i), scale,
                                    dy.data != nullptr ? dy.row(i) : nullptr, y.cols);
        if (!reduction.per_image.empty()) reduction.per_image[std::size_t(i)] = loss;
        return loss;
    });
    return sum / static_cast<double>(y.rows);
}

}  // namespace handgrad::detail
