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
    const OpScope scope(describe_elementwise("activation_backward", dy.rows, dy.cols, 3, 1));
    const kernels::KernelTable& table = active_kernels();
    for_each_row(dy.rows, dy.cols, [&](Index i) {
        table.activation_backward(f, dy.row(i), y.row(i), da.row(i), dy.cols);
    });
}

// a = x W + b, seen from x:
void dense_backward_input(ConstMatrixView da, ConstBlockedView w, MatrixView dx) {
    gemm_nt(da, w, Write::overwrite, dx);
}

// a = x W + b, seen from W and from b:
void dense_backward_parameters(ConstMatrixView da, ConstMatrixView x, Write write, BlockedView dw,
                               BlockedView db) {
    gemm_tn(x, da, write, dw);
    sum_rows(da, write, db);
}

void dense_backward_parameters(ConstMatrixView da, const SparseRows& x_transposed, Write write,
                               BlockedView dw, BlockedView db) {
    sparse_gemm(x_transposed, da, write, dw);
    sum_rows(da, write, db);
}

Dense::Dense(ParameterArena& arena, const std::string& name, Index in, Index out, Activation f)
    : name_(name),
      weight_(arena.add(name + ".weight", in, out)),
      bias_(arena.add(name + ".bias", 1, out)),
      activation_(f) {}

void Dense::expect_sparse(const SparseBatch* batch) {
    const bool pays = batch != nullptr && sparse_gemm_pays(batch->x.density());
    sparse_ = pays ? batch : nullptr;
}

ConstMatrixView Dense::forward(ConstMatrixView x) {
    const LayerScope scope(name_.c_str());
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
                                InputGradient input_gradient, GradientSink* sink) {
    const LayerScope scope(name_.c_str());
    check_shape("Dense::backward: dy", dy, x_.rows, out_features());
    // y = f(a)
    ConstMatrixView da = dy;
    if (activation_ != Activation::linear) {
        activation_backward(dy, y_, activation_, da_.resize(dy.rows, dy.cols));
        da = da_;
    }
    // a = x W + b; dx first, because a sink may change W
    MatrixView dx;
    if (input_gradient == InputGradient::compute) {
        dx = dx_.resize(x_.rows, in_features());
        dense_backward_input(da, weight_.value, dx);
    }
    if (sink != nullptr)
        send_parameter_gradients(da, *sink);
    else if (sparse_ != nullptr)
        dense_backward_parameters(da, sparse_->transposed, parameter_gradients, weight_.gradient,
                                  bias_.gradient);
    else
        dense_backward_parameters(da, x_, parameter_gradients, weight_.gradient, bias_.gradient);
    sparse_ = nullptr;
    return dx;
}

// dense_backward_parameters, tile by tile.
void Dense::send_parameter_gradients(ConstMatrixView da, GradientSink& sink) {
    struct WeightTiles : TileSink {
        WeightTiles(const Parameter& w, GradientSink& s) : weight(w), sink(s) {}
        void take(Index row, Index block, std::span<const float> values) override {
            sink.take(weight.offset + block * weight.value.block_stride + row * kBlockCols, values);
        }
        SinkCost cost() const override { return sink.cost(); }
        const Parameter& weight;
        GradientSink& sink;
    } tiles(weight_, sink);
    if (sparse_ != nullptr)
        sparse_gemm(sparse_->transposed, da, tiles);
    else
        gemm_tn(x_, da, tiles);
    sum_rows(da, Write::overwrite, bias_.gradient);
    const OpScope scope({.op = sink.cost().name,
                         .m = 1,
                         .n = bias_.gradient.cols,
                         .flops = sink.cost().flops_per_value * double(bias_.gradient.cols),
                         .bytes = sink.cost().bytes_per_value * double(bias_.gradient.cols)});
    sink.take(bias_.offset, {bias_.gradient.at(0, 0), std::size_t(bias_.gradient.cols)});
}

}  // namespace handgrad
