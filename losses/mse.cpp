#include "mse.hpp"

#include "mean_over_images.hpp"

namespace handgrad {

double mse(ConstMatrixView y, ConstMatrixView targets, MatrixView dy, const Reduction& reduction) {
    return detail::mean_over_images("mse", 4, active_kernels().mse, y, targets, dy, reduction);
}

}  // namespace handgrad
