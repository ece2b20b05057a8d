// Checks hand-written gradients against complex-step derivatives.
//
// For an analytic f, f(x + ih) = f(x) + ih f'(x) - h^2 f''(x) / 2 - ..., so Im f(x + ih) / h is
// f'(x) with an error of h^2, and with h = 1e-30 that is nothing at all. Unlike a finite difference
// it subtracts no two close numbers, so it is exact to a few units in the last place of a double.
// Source: Squire and Trapp, "Using complex variables to estimate derivatives of real functions",
// SIAM Review 1998.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <sstream>
#include <string>

#include "../../core/reference.hpp"
#include "near.hpp"

namespace handgrad::test {

using Complex = std::complex<double>;
using RealTensor = reference::Tensor<double>;
using ComplexTensor = reference::Tensor<Complex>;

inline ComplexTensor to_complex(const RealTensor& x) {
    return {x.rows, x.cols, {x.data.begin(), x.data.end()}};
}

// The gradient of loss(x), a scalar, with respect to every element of x. `loss` takes a
// ComplexTensor and returns a Complex; it is called once per element.
template <class Loss>
RealTensor complex_step_gradient(Loss loss, const RealTensor& x) {
    constexpr double h = 1e-30;
    RealTensor gradient(x.rows, x.cols);
    ComplexTensor moved = to_complex(x);
    for (std::size_t e = 0; e < x.size(); ++e) {
        moved[e] = {x[e], h};
        gradient[e] = loss(moved).imag() / h;
        moved[e] = x[e];
    }
    return gradient;
}

// The gradient of dot(forward(x), dy), which is what a backward pass returns for dy.
template <class Forward>
RealTensor complex_step_backward(Forward forward, const RealTensor& x, const RealTensor& dy) {
    return complex_step_gradient(
        [&](const ComplexTensor& moved) {
            const ComplexTensor y = forward(moved);
            Complex sum = 0;
            for (std::size_t e = 0; e < dy.size(); ++e) sum += y[e] * dy[e];
            return sum;
        },
        x);
}

// The worst |a - n| / max(|a|, |n|, floor) over all elements; infinity if any is NaN.
template <class Analytic, class Expected>
double worst_relative_error(const Analytic& analytic, const Expected& expected,
                            double floor = 1e-8) {
    double worst = 0;
    for (std::size_t e = 0; e < std::size(expected); ++e) {
        const double a = static_cast<double>(analytic[e]), n = static_cast<double>(expected[e]);
        const double error = std::abs(a - n) / std::max({std::abs(a), std::abs(n), floor});
        if (!(error <= worst)) worst = std::isnan(error) ? INFINITY : error;
    }
    return worst;
}

// Passes if every element of the analytic gradient is within `tolerance`, relatively, of the
// expected one. Gradients below `floor` are compared with it instead of with themselves: they are
// what cancellation has left. Fails as mistrusted if more than 90 % of the expected values are zero
// (or there are none), since a backward pass that computes nothing would pass too.
template <class Analytic, class Expected>
Verdict gradients_agree(const Analytic& analytic, const Expected& expected,
                        double tolerance = 1e-10, double floor = 1e-8) {
    const std::size_t n = std::size(expected);
    if (std::size(analytic) != n)
        return {false,
                std::to_string(std::size(analytic)) + " elements, expected " + std::to_string(n)};
    const auto zeros =
        static_cast<std::size_t>(std::count(std::begin(expected), std::end(expected), 0.0));
    if (n == 0 || 10 * zeros > 9 * n)
        return {false, "mistrusted: " + std::to_string(zeros) + " of " + std::to_string(n) +
                           " expected values are zero"};
    const double worst = worst_relative_error(analytic, expected, floor);
    std::ostringstream message;
    message << "worst relative error " << worst << ", tolerance " << tolerance;
    return {worst <= tolerance, message.str()};
}

inline Verdict gradients_agree(const RealTensor& analytic, const RealTensor& expected,
                               double tolerance = 1e-10, double floor = 1e-8) {
    return gradients_agree(analytic.data, expected.data, tolerance, floor);
}

}  // namespace handgrad::test
