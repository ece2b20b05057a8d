#include "free_bits.hpp"

#include "../core/error.hpp"
#include "../core/ops.hpp"

namespace handgrad {

double apply_free_bits(ConstMatrixView mu, ConstMatrixView logvar, double floor, MatrixView dmu,
                       MatrixView dlogvar) {
    const bool gradients = dmu.data != nullptr;
    check_shape("apply_free_bits: logvar", logvar, mu.rows, mu.cols);
    if (mu.rows == 0) throw Error(ErrorKind::argument, "apply_free_bits", "a mean over no images");
    if (gradients) {
        check_shape("apply_free_bits: dmu", dmu, mu.rows, mu.cols);
        check_shape("apply_free_bits: dlogvar", dlogvar, mu.rows, mu.cols);
    }
    const OpScope scope(describe_elementwise("free_bits", mu.rows, mu.cols, gradients ? 4 : 2, 30));
    // The kernel of the KL divergence, element by element: it sums along rows, and here the sums
    // are those of columns.
    const kernels::KernelTable& table = active_kernels();
    double counted = 0;
    for (Index j = 0; j < mu.cols; ++j) {
        double sum = 0;
        for (Index i = 0; i < mu.rows; ++i)
            sum += double(
                table.kl_divergence(mu.row(i) + j, logvar.row(i) + j, 0, nullptr, nullptr, 1));
        const double mean = sum / double(mu.rows);
        counted += mean < floor ? floor : mean;
        if (!gradients || mean >= floor) continue;
        for (Index i = 0; i < mu.rows; ++i) dmu(i, j) = dlogvar(i, j) = 0;
    }
    return counted;
}

}  // namespace handgrad
