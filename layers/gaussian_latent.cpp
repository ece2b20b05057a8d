#include "gaussian_latent.hpp"

#include <algorithm>
#include <string>

#include "../core/error.hpp"
#include "../core/ops.hpp"

namespace handgrad {

void reparameterize(ConstMatrixView mu, ConstMatrixView logvar, ConstMatrixView noise,
                    MatrixView deviation, MatrixView z) {
    check_shape("reparameterize: logvar", logvar, mu.rows, mu.cols);
    check_shape("reparameterize: noise", noise, mu.rows, mu.cols);
    check_shape("reparameterize: deviation", deviation, mu.rows, mu.cols);
    check_shape("reparameterize: z", z, mu.rows, mu.cols);
    const OpScope scope(describe_elementwise("reparameterize", mu.rows, mu.cols, 5, 25));
    const kernels::KernelTable& table = active_kernels();
    for_each_row(mu.rows, mu.cols, [&](Index i) {
        table.reparameterize(mu.row(i), logvar.row(i), noise.row(i), deviation.row(i), z.row(i),
                             mu.cols);
    });
}

void reparameterize_backward(ConstMatrixView dz, ConstMatrixView logvar, ConstMatrixView deviation,
                             MatrixView dmu, MatrixView dlogvar) {
    check_shape("reparameterize_backward: logvar", logvar, dz.rows, dz.cols);
    check_shape("reparameterize_backward: deviation", deviation, dz.rows, dz.cols);
    check_shape("reparameterize_backward: dmu", dmu, dz.rows, dz.cols);
    check_shape("reparameterize_backward: dlogvar", dlogvar, dz.rows, dz.cols);
    const OpScope scope(describe_elementwise("reparameterize_backward", dz.rows, dz.cols, 7, 5));
    const kernels::KernelTable& table = active_kernels();
    for_each_row(dz.rows, dz.cols, [&](Index i) {
        // z = mu + deviation, deviation = exp(l / 2) * noise
        table.reparameterize_backward(dz.row(i), logvar.row(i), deviation.row(i), dmu.row(i),
                                      dlogvar.row(i), dz.cols);
    });
}

GaussianLatent::GaussianLatent(Index latent) : latent_(latent) {
    if (latent < 1)
        throw Error(ErrorKind::argument, "GaussianLatent", "no latent dimensions",
                    std::to_string(latent), "at least 1");
}

ConstMatrixView GaussianLatent::forward(ConstMatrixView head, ConstMatrixView noise) {
    check_shape("GaussianLatent: head", head, head.rows, 2 * latent_);
    head_ = head;
    reparameterize(mu(), logvar(), noise, deviation_.resize(head.rows, latent_),
                   z_.resize(head.rows, latent_));
    return z_;
}

ConstMatrixView GaussianLatent::backward(ConstMatrixView dz, ConstMatrixView dmu,
                                         ConstMatrixView dlogvar) {
    check_shape("GaussianLatent::backward: dz", dz, head_.rows, latent_);
    check_shape("GaussianLatent::backward: dmu", dmu, head_.rows, latent_);
    check_shape("GaussianLatent::backward: dlogvar", dlogvar, head_.rows, latent_);
    const MatrixView dhead = dhead_.resize(head_.rows, 2 * latent_);
    for (Index i = 0; i < dhead.rows; ++i) {
        std::copy_n(dmu.row(i), latent_, dhead.row(i));
        std::copy_n(dlogvar.row(i), latent_, dhead.row(i) + latent_);
    }
    reparameterize_backward(dz, logvar(), deviation_, dhead.middle_cols(0, latent_),
                            dhead.middle_cols(latent_, latent_));
    return dhead;
}

}  // namespace handgrad
