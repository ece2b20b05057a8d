// The activations of a dense layer; see layers/dense.hpp for the formulas.
#pragma once

#include "array.inl.hpp"
#include "math.inl.hpp"
#include "table.hpp"

namespace handgrad::kernels {
namespace {

// y = f(x), element by element.
template <class Arch, class Function>
void map(const float* x, float* y, Index n, Function f) {
    for_each_block<Arch>(n, [&](Block<Arch> block) { block.store(y, f(block.load(x))); });
}

template <class Arch>
void activation_forward(Activation f, const float* x, float* y, Index n) {
    using M = Math<Arch>;
    using F = typename Simd<Arch>::F;
    switch (f) {
        case Activation::linear:
            return map<Arch>(x, y, n, [](F a) { return a; });
        case Activation::relu:
            return map<Arch>(x, y, n, [](F a) { return M::positive(a); });
        case Activation::tanh:
            return map<Arch>(x, y, n, [](F a) { return M::tanh(a); });
        case Activation::sigmoid:
            return map<Arch>(x, y, n, [](F a) { return M::sigmoid(a); });
    }
}

// dx = dy * derivative(y)
template <class Arch, class Derivative>
void multiply_by_derivative(const float* dy, const float* y, float* dx, Index n,
                            Derivative derivative) {
    for_each_block<Arch>(
        n, [&](Block<Arch> block) { block.store(dx, derivative(block.load(dy), block.load(y))); });
}

template <class Arch>
void activation_backward(Activation f, const float* dy, const float* y, float* dx, Index n) {
    using S = Simd<Arch>;
    using F = typename S::F;
    switch (f) {
        case Activation::linear:
            return multiply_by_derivative<Arch>(dy, y, dx, n, [](F d, F) { return d; });
        case Activation::relu:
            return multiply_by_derivative<Arch>(dy, y, dx, n, [](F d, F v) {
                return S::select(v > S::set(0.0f), d, S::set(0.0f));
            });
        case Activation::tanh:
            return multiply_by_derivative<Arch>(
                dy, y, dx, n, [](F d, F v) { return d * S::fnma(v, v, S::set(1.0f)); });
        case Activation::sigmoid:
            return multiply_by_derivative<Arch>(dy, y, dx, n, [](F d, F v) {
                return without_tiny<Arch>(d * (v * (S::set(1.0f) - v)));
            });
    }
}

}  // namespace
}  // namespace handgrad::kernels
