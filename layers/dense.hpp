// The fully connected layer with its activation.
//
//   y = f(x W + b)       x (n, in)   W (in, out)   b (1, out)   y (n, out)
//
// f is applied element by element: linear, relu, tanh or sigmoid. Each f'(a) can be written in
// terms of y = f(a), so the pre-activation a is not kept:
//
//   linear   f'(a) = 1               relu      f'(a) = [y > 0]  (0 at the kink)
//   tanh     f'(a) = 1 - y^2         sigmoid   f'(a) = y (1 - y), and da = +0 if it is below 1e-30
//
// Gradients, for a given dy = dL/dy:
//
//   da = dy * f'(a)      (n, out)    element by element
//   dx = da W^T          (n, in)     overwritten
//   dW = x^T da          (in, out)   overwritten or accumulated
//   db = sum_n da        (1, out)    overwritten or accumulated
#pragma once

#include <string>

#include "../core/export.hpp"
#include "../core/parameter.hpp"
#include "../core/sparse_rows.hpp"
#include "layer.hpp"

namespace handgrad {

// y = f(x W + b). Overwrites y.
HANDGRAD_API void dense_forward(ConstMatrixView x, ConstBlockedView w, ConstBlockedView b,
                                Activation f, MatrixView y);

// The same for an x that is mostly zero, without its zeros. Not one bit differs.
HANDGRAD_API void dense_forward(const SparseRows& x, ConstBlockedView w, ConstBlockedView b,
                                Activation f, MatrixView y);

// da = dy * f'(a) from y = f(a). Overwrites da; da may be dy itself.
HANDGRAD_API void activation_backward(ConstMatrixView dy, ConstMatrixView y, Activation f,
                                      MatrixView da);

// dx = da W^T. Overwrites dx.
HANDGRAD_API void dense_backward_input(ConstMatrixView da, ConstBlockedView w, MatrixView dx);

// dW = x^T da and db. An x that is mostly zero is given as its transpose (in, n), without zeros.
HANDGRAD_API void dense_backward_parameters(ConstMatrixView da, ConstMatrixView x, Write write,
                                            BlockedView dw, BlockedView db);
HANDGRAD_API void dense_backward_parameters(ConstMatrixView da, const SparseRows& x_transposed,
                                            Write write, BlockedView dw, BlockedView db);

// The layer: parameters in an arena, and the buffers of the functions above.
class HANDGRAD_API Dense : public Layer {
  public:
    // Registers name.weight (in, out) and name.bias (1, out). Throws Error(argument) for a size
    // below 1. The arena must live longer than the layer.
    Dense(ParameterArena& arena, const std::string& name, Index in, Index out, Activation f);

    Index in_features() const override { return weight_.value.rows; }
    Index out_features() const override { return weight_.value.cols; }
    // What it was made of.
    Activation activation() const { return activation_; }
    Parameter& weight() { return weight_; }
    Parameter& bias() { return bias_; }
    // x and y of the last forward.
    ConstMatrixView input() const { return x_; }
    ConstMatrixView output() const { return y_; }

    // Makes the next forward, and the backward after it, skip the zeros of x where that pays. The
    // batch is x, lives until backward is done, and is forgotten then; null is allowed.
    void expect_sparse(const SparseBatch* batch);

    ConstMatrixView forward(ConstMatrixView x) override;
    ConstMatrixView backward(ConstMatrixView dy, Write parameter_gradients,
                             InputGradient input_gradient = InputGradient::compute,
                             GradientSink* sink = nullptr) override;

  private:
    void send_parameter_gradients(ConstMatrixView da, GradientSink& sink);

    std::string name_;
    Parameter& weight_;
    Parameter& bias_;
    Activation activation_;
    ConstMatrixView x_;                    // the input of the last forward, owned by the caller
    const SparseBatch* sparse_ = nullptr;  // x as well, or null
    Matrix y_;                             // kept for f'(a)
    Matrix da_, dx_;
};

}  // namespace handgrad
