// The contract of every layer.
#pragma once

#include "../core/export.hpp"
#include "../core/gemm.hpp"
#include "../core/matrix.hpp"
#include "../core/parameter.hpp"

namespace handgrad {

// Whether backward computes dL/dx. The first layer of a model is not asked: nobody needs it, and
// for 784 pixels it would be a fifth of the step.
enum class InputGradient { compute, skip };

// A differentiable function y = f(x, w) of a mini-batch: x (n, in), y (n, out), one row per image.
//
// backward(dy) returns the gradient of dot(y, dy) with respect to every input and parameter. With
// dy = dL/dy that is dL/dx and dL/dw, by the chain rule.
//
// A layer owns what it returns. The views stay valid until the next call of the same function on
// the same layer. Memory is allocated when a batch is larger than every batch before it, so a
// training loop allocates in its first step and never again.
class HANDGRAD_API Layer {
  public:
    virtual ~Layer() = default;

    // The widths of x and y.
    virtual Index in_features() const = 0;
    virtual Index out_features() const = 0;

    // Computes y (n, out) from x (n, in) and keeps what backward will need. x itself is not copied:
    // it must stay as it is until backward is done. Throws Error(argument) for another width.
    virtual ConstMatrixView forward(ConstMatrixView x) = 0;

    // For the last forward: writes or accumulates the parameters' gradients and returns dx (n, in),
    // or an empty view if it is to be skipped. dy is (n, out).
    //
    // With a sink the parameters' gradients go there and not to the arena; a sink that changes the
    // parameters is welcome to: what backward needs of their old values it reads before.
    virtual ConstMatrixView backward(ConstMatrixView dy, Write parameter_gradients,
                                     InputGradient input_gradient = InputGradient::compute,
                                     GradientSink* sink = nullptr) = 0;
};

}  // namespace handgrad
