#include "kl_divergence.hpp"

#include "../core/error.hpp"
#include "../core/ops.hpp"

namespace handgrad {

double kl_divergence(ConstMatrixView mu, ConstMatrixView logvar, float kl_weight, MatrixView dmu,
                     MatrixView dlogvar) {
    const bool gradients = dmu.data != nullptr;
    check_shape("kl_divergence: logvar", logvar, mu.rows, mu.cols);
    if (mu.rows == 0) throw Error(ErrorKind::argument, "kl_divergence", "a mean over no images");
    if (gradients) {
        check_shape("kl_divergence: dmu", dmu, mu.rows, mu.cols);
        check_shape("kl_divergence: dlogvar", dlogvar, mu.rows, mu.cols);
    }
    const OpScope scope(
        describe_elementwise("kl_divergence", mu.rows, mu.cols, gradients ? 4 : 2, 30));
    const kernels::KernelTable& table = active_kernels();
    const float scale = kl_weight / static_cast<float>(mu.rows);
    const double sum = sum_over_rows(mu.rows, mu.cols, [&](Index i) {
        return table.kl_divergence(mu.row(i), logvar.row(i), scale,
                                   gradients ? dmu.row(i) : nullptr,
                                   gradients ? dlogvar.row(i) : nullptr, mu.cols);
    });
    return sum / static_cast<double>(mu.rows);
}

}  // namespace handgrad
