// What the losses share: a kernel per row, the mean over rows.
#pragma once

#include <string>

#include "../core/error.hpp"
#include "../core/ops.hpp"
#include "reduction.hpp"

namespace handgrad::detail {

using RowLoss = float (*)(const float* y, const float* targets, float scale, float* dy, Index n);

inline void check_reduction(const char* name, const Reduction& reduction, Index images) {
    if (images == 0) throw Error(ErrorKind::argument, name, "a mean over no images");
    if (!reduction.per_image.empty() && Index(reduction.per_image.size()) != images)
        throw Error(ErrorKind::argument, name, "per_image is of another length",
                    std::to_string(reduction.per_image.size()), std::to_string(images));
}

// The mean over the images of row_loss, in double; dy gets the gradient as `reduction` says. The
// kernel takes `flops` operations for each element.
inline double mean_over_images(const char* name, int flops, RowLoss row_loss, ConstMatrixView y,
                               ConstMatrixView targets, MatrixView dy, const Reduction& reduction) {
    check_shape(name, targets, y.rows, y.cols);
    if (dy.data != nullptr) check_shape(name, dy, y.rows, y.cols);
    check_reduction(name, reduction, y.rows);
    const OpScope scope(
        describe_elementwise(name, y.rows, y.cols, dy.data != nullptr ? 3 : 2, flops));
    const float scale = reduction.weight / static_cast<float>(y.rows);
    const auto loss_of = [&](Index i, Index first, Index count) {
        return row_loss(y.row(i) + first, targets.row(i) + first, scale,
                        dy.data != nullptr ? dy.row(i) + first : nullptr, count);
    };
    if (reduction.per_image.empty())
        return sum_over_rows(y.rows, y.cols, [&](Index i) { return loss_of(i, 0, y.cols); }) /
               static_cast<double>(y.rows);
    // Who asks for the loss of an image takes its exponential, so that an error of 1e-5 nats would
    // be one of 1e-5 in a gradient: only short sums are left to floats.
    constexpr Index kShort = 64;
    const double sum = sum_over_rows(y.rows, y.cols, [&](Index i) {
        double& loss = reduction.per_image[std::size_t(i)];
        loss = 0;
        for (Index first = 0; first < y.cols; first += kShort)
            loss += double(loss_of(i, first, std::min(kShort, y.cols - first)));
        return loss;
    });
    return sum / static_cast<double>(y.rows);
}

}  // namespace handgrad::detail
