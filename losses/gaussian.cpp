#include "gaussian.hpp"

#include <cmath>
#include <numbers>

#include "mean_over_images.hpp"

namespace handgrad {

double gaussian_nll(ConstMatrixView y, ConstMatrixView targets, double variance, MatrixView dy,
                    const Reduction& reduction) {
    if (!(variance > 0))
        throw Error(ErrorKind::argument, "gaussian_nll", "variance out of range",
                    std::to_string(variance), "above 0");
    const double factor = 1 / (2 * variance);  // of the squared error
    const double constant = double(y.cols) / 2 * std::log(2 * std::numbers::pi * variance);
    const Reduction scaled{.weight = static_cast<float>(double(reduction.weight) * factor),
                           .per_image = reduction.per_image};
    const double squared_error =
        detail::mean_over_images("gaussian_nll", 3, active_kernels().mse, y, targets, dy, scaled);
    for (double& loss : reduction.per_image) loss = factor * loss + constant;
    return factor * squared_error + constant;
}

}  // namespace handgrad
