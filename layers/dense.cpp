#include "dense.hpp"

#include "../core/error.hpp"
#include "../core/ops.hpp"
#include "../core/sparse_gemm.hpp"

namespace handgrad {

void dense_forward(ConstMatrixView x, ConstBlockedView w, ConstBlockedView b, Activation f,
                   MatrixView y) {
    check_shape("dense_forward: b", b, 1, w.cols);
    gemm_nn(x, w, Write::overwrite, y, {.bias = b.at(0, 0), .activation = f});
}

void dense_forward(const SparseRows& x, ConstBlockedView w, ConstBlockedView b, Activation f,
                   MatrixView y) {
    check_shape("dense_forward: b", b, 1, w.cols);
    sparse_gemm(x, w, Write::overwrite, y, {.bias = b.at(0, 0), .activation = f});
}

void activation_backward(ConstMatrixView dy, ConstMatrixView y, Activation f, MatrixView da) {
    check_shape("activation_backward: y", y, dy.rows, dy.cols);
    check_shape("activation_backward: da", da, dy.rows, dy.cols);
    const kernels::KernelTable& table = active_kernels();
    for_each_row(dy.rows, dy.cols, [&](Index i) {
        table.activation_backward(f, dy.row(i), y.row(i), da.row(i), dy.cols);
    });
}

void dense_backward(ConstMatrixView da, ConstMatrixView x, ConstBlockedView w, MatrixView dx,
                    Write write, BlockedView dw, BlockedView db) {
    // a = x W + b, read from right to left:
    sum_rows(da, write, db);                                       // ... + b
    gemm_tn(x, da, write, dw);                                     // x W, seen from W
    if (dx.data != nullptr) gemm_nt(da, w, Write::overwrite, dx);  // x W, seen from x
}

void dense_backward(ConstMatrixView da, const SparseRows& x_transposed, Write write, BlockedView dw,
                    BlockedView db) {
    sum_rows(da, write, db);                   // ... + b
    sparse_gemm(x_transposed, da, write, dw);  // x W, seen from W
}

Dense::Dense(ParameterArena& arena, const std::string& name, Index in, Index out, Activation f)
    : weight_(arena.add(name + ".weight", in, out)),
      bias_(arena.add(name + ".bias", 1, out)),
      activation_(f) {}

void Dense::expect_sparse(const SparseBatch* batch) {
    const bool pays = batch != nullptr && sparse_gemm_pays(batch->x.density());
    sparse_ = pays ? batch : nullptr;
}

ConstMatrixView Dense::forward(ConstMatrixView x) {
    x_ = x;
    const MatrixView y = y_.resize(x.rows, out_features());
    if (sparse_ != nullptr) {
        check_shape("Dense::forward: the sparse x", x, sparse_->x.rows(), sparse_->x.cols());
        dense_forward(sparse_->x, weight_.value, bias_.value, activation_, y);
    } else {
        dense_forward(x, weight_.value, bias_.value, activation_, y);
    }
    return y;
}

ConstMatrixView Dense::backward(ConstMatrixView dy, Write parameter_gradients,
                                InputGradient input_gradient) {
    check_shape("Dense::backward: dy", dy, x_.rows, out_features());
    // y = f(a)
    ConstMatrixView da = dy;
    if (activation_ != Activation::linear) {
        activation_backward(dy, y_, activation_, da_.resize(dy.rows, dy.cols));
        da = da_;
    }
    // a = x W + b
    const MatrixView dx = input_gradient == InputGradient::compute
                              ? dx_.resize(x_.rows, in_features())
                              : MatrixView{};
    if (sparse_ != nullptr) {
        dense_backward(da, sparse_->transposed, parameter_gradients, weight_.gradient,
                       bias_.gradient);
        if (dx.data != nullptr) gemm_nt(da, weight_.value, Write::overwrite, dx);
        sparse_ = nullptr;
    } else {
        dense_backward(da, x_, weight_.value, dx, parameter_gradients, weight_.gradient,
                       bias_.gradient);
    }
    return dx;
}

}  // namespace handgrad
