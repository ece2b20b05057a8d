// The scalar functions of reference.hpp: templates on the number type T, exact derivatives
// included, since every branch looks at the real part only (a complex step moves the imaginary
// part).
#pragma once

#include <cmath>
#include <complex>

#include "kernels/table.hpp"

namespace handgrad::reference {

// Called by their bare names, so that a number type of ours brings its own.
using std::exp, std::log, std::tanh;

template <class T>
auto real_part(const T& x) {
    if constexpr (requires { x.real(); })
        return x.real();
    else
        return x;
}

template <class T>
T absolute(const T& x) {
    return real_part(x) < 0 ? -x : x;
}

// The derivative of clamp is 1 from low to high, both included, and 0 outside.
template <class T>
bool inside(const T& x, double low, double high) {
    return real_part(x) >= real_part(T(low)) && real_part(x) <= real_part(T(high));
}

// A NaN stays a NaN.
template <class T>
T clamp(const T& x, double low, double high) {
    if (real_part(x) < real_part(T(low))) return T(low);
    if (real_part(x) > real_part(T(high))) return T(high);
    return x;
}

// exp(x) - 1 and log(1 + x) without cancellation near 0. For z = a + ib:
//   exp(z) - 1   = expm1(a) cos b - 2 sin^2(b/2) + i exp(a) sin b
//   log(1 + z)   = log1p(a (2 + a) + b^2) / 2    + i atan2(b, 1 + a)
template <class T>
T expm1(const T& x) {
    if constexpr (requires { x.imag(); }) {
        const auto a = x.real(), b = x.imag(), s = std::sin(b / 2);
        return {std::expm1(a) * std::cos(b) - 2 * s * s, std::exp(a) * std::sin(b)};
    } else {
        return std::expm1(x);
    }
}

template <class T>
T log1p(const T& x) {
    if constexpr (requires { x.imag(); }) {
        const auto a = x.real(), b = x.imag();
        return {std::log1p(a * (2 + a) + b * b) / 2, std::atan2(b, 1 + a)};
    } else {
        return std::log1p(x);
    }
}

// 1 / (1 + exp(-x)), written so that exp never overflows.
template <class T>
T sigmoid(const T& x) {
    const T t = exp(-absolute(x));
    return (real_part(x) >= 0 ? T(1) : t) / (T(1) + t);
}

// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), whose kinks at 0 cancel: both take 0 for
// positive.
template <class T>
T softplus(const T& x) {
    return (real_part(x) < 0 ? T(0) : x) + log1p(exp(-absolute(x)));
}

template <class T>
T activation_forward(Activation f, const T& x) {
    switch (f) {
        case Activation::relu:
            return real_part(x) > 0 ? x : T(0);
        case Activation::tanh:
            return tanh(x);
        case Activation::sigmoid:
            return sigmoid(x);
        case Activation::linear:
            break;
    }
    return x;
}

// f'(x) in terms of y = f(x), so that x need not be kept.
template <class T>
T activation_derivative(Activation f, const T& y) {
    switch (f) {
        case Activation::relu:
            return T(real_part(y) > 0 ? 1 : 0);
        case Activation::tanh:
            return T(1) - y * y;
        case Activation::sigmoid:
            return y * (T(1) - y);
        case Activation::linear:
            break;
    }
    return T(1);
}

}  // namespace handgrad::reference
