// The truth of every operation: plain scalar code, templated on the number type T.
//
// T is float, double, or std::complex<double>. The last one is for checking gradients: with an
// input x + ih, h = 1e-30, the imaginary part of f(x + ih) / h is f'(x) to the last digits, since
// nothing is subtracted. For that every branch looks at the real part only. Or T is Rounded
// (reference_rounding.hpp), which knows the error that float would make of each result.
//
// Here are the formulas to read first; layers/, losses/ and optim/ say the same in kernel calls,
// and the tests trust this file alone. It knows nothing of SIMD, threads or padding, and checks no
// shapes: those given in the comments are the caller's duty.
//
// Conventions: a Tensor is row-major, rows are samples; N is the number of rows. Losses are sums
// over the features and means over the N samples, in nats. For y = f(x, w), backward takes dy and
// returns the gradients of dot(y, dy); the names dx, dw, db stand for them.
#pragma once

#include <cmath>
#include <complex>
#include <utility>
#include <vector>

#include "blocked_view.hpp"
#include "reference_math.hpp"

namespace handgrad::reference {

template <class T>
struct Tensor {
    Index rows = 0, cols = 0;
    std::vector<T> data;

    Tensor() = default;
    Tensor(Index r, Index c) : rows(r), cols(c), data(static_cast<std::size_t>(r * c)) {}
    Tensor(Index r, Index c, std::vector<T> values) : rows(r), cols(c), data(std::move(values)) {}

    T* row(Index i) { return data.data() + i * cols; }
    const T* row(Index i) const { return data.data() + i * cols; }
    T& operator()(Index i, Index j) { return row(i)[j]; }
    const T& operator()(Index i, Index j) const { return row(i)[j]; }
    std::size_t size() const { return data.size(); }
    T& operator[](std::size_t e) { return data[e]; }
    const T& operator[](std::size_t e) const { return data[e]; }
};

// What a matrix of the library holds, padding left out.
inline Tensor<double> to_tensor(ConstBlockedView m) {
    Tensor<double> t(m.rows, m.cols);
    for (Index i = 0; i < m.rows; ++i)
        for (Index j = 0; j < m.cols; ++j) t(i, j) = m(i, j);
    return t;
}

// --- Products -----------------------------------------------------------------------------------

// a b, (m, k) times (k, n). Every element is the sum over k in ascending order from 0; four terms
// are added at each visit to a row only to load and store that row less often. b may be of a
// narrower number type W than a, such as real weights beside complex values.
template <class T, class W>
Tensor<T> product(const Tensor<T>& a, const Tensor<W>& b) {
    Tensor<T> y(a.rows, b.cols);
    const Index n = b.cols;
    for (Index i = 0; i < a.rows; ++i) {
        T* yi = y.row(i);
        Index k = 0;
        for (; k + 4 <= a.cols; k += 4) {
            const T a0 = a(i, k), a1 = a(i, k + 1), a2 = a(i, k + 2), a3 = a(i, k + 3);
            const W *b0 = b.row(k), *b1 = b.row(k + 1), *b2 = b.row(k + 2), *b3 = b.row(k + 3);
            for (Index j = 0; j < n; ++j)
                yi[j] = (((yi[j] + a0 * b0[j]) + a1 * b1[j]) + a2 * b2[j]) + a3 * b3[j];
        }
        for (; k < a.cols; ++k)
            for (Index j = 0; j < n; ++j) yi[j] += a(i, k) * b(k, j);
    }
    return y;
}

template <class T>
Tensor<T> transpose(const Tensor<T>& a) {
    Tensor<T> y(a.cols, a.rows);
    for (Index i = 0; i < a.rows; ++i)
        for (Index j = 0; j < a.cols; ++j) y(j, i) = a(i, j);
    return y;
}

// --- Dense --------------------------------------------------------------------------------------
//
//   y = f(x W + b)          x (N, in)   W (in, out)   b (1, out)   y (N, out)
//
//   da = dy * f'(a)         a = x W + b, with f' taken from y
//   dx = da W^T
//   dW = x^T da
//   db = sum over n of da

template <class T, class W>
Tensor<T> dense_forward(const Tensor<T>& x, const Tensor<W>& w, const Tensor<W>& b, Activation f) {
    Tensor<T> y = product(x, w);
    for (Index i = 0; i < y.rows; ++i)
        for (Index j = 0; j < y.cols; ++j) y(i, j) = activation_forward(f, y(i, j) + b(0, j));
    return y;
}

// Reverses y = f(a).
template <class T>
Tensor<T> activation_backward(const Tensor<T>& dy, const Tensor<T>& y, Activation f) {
    Tensor<T> da = dy;
    for (std::size_t e = 0; e < da.size(); ++e) da[e] *= activation_derivative(f, y[e]);
    return da;
}

template <class T>
Tensor<T> sum_rows(const Tensor<T>& x) {
    Tensor<T> sums(1, x.cols);
    for (Index i = 0; i < x.rows; ++i)
        for (Index j = 0; j < x.cols; ++j) sums(0, j) += x(i, j);
    return sums;
}

template <class T>
struct DenseGradients {
    Tensor<T> dx, dw, db;
};

// With want_dx = false dx stays empty: the first layer's input needs no gradient.
template <class T>
DenseGradients<T> dense_backward(const Tensor<T>& dy, const Tensor<T>& x, const Tensor<T>& y,
                                 const Tensor<T>& w, Activation f, bool want_dx = true) {
    const Tensor<T> da = activation_backward(dy, y, f);
    DenseGradients<T> gradients;  // reverses a = x W + b
    if (want_dx) gradients.dx = product(da, transpose(w));
    gradients.dw = product(transpose(x), da);
    gradients.db = sum_rows(da);
    return gradients;
}

// --- Gaussian latent ----------------------------------------------------------------------------
//
//   z = mu + exp(clamp(logvar) / 2) * noise           all (N, latent)
//
//   dmu     = dz
//   dlogvar = dz * noise * exp(logvar / 2) / 2 = dz * (z - mu) / 2,  0 where logvar was clamped
//
// Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, section 2.4.

// exp(20) is finite in float with room for its square root and sums; exp(-30) is no noise at all.
inline constexpr double kLogvarMin = -30, kLogvarMax = 20;

template <class T>
Tensor<T> reparameterize(const Tensor<T>& mu, const Tensor<T>& logvar, const Tensor<T>& noise) {
    Tensor<T> z(mu.rows, mu.cols);
    for (std::size_t e = 0; e < z.size(); ++e)
        z[e] = mu[e] + exp(clamp(logvar[e], kLogvarMin, kLogvarMax) / T(2)) * noise[e];
    return z;
}

template <class T>
struct LatentGradients {
    Tensor<T> dmu, dlogvar;
};

template <class T>
LatentGradients<T> reparameterize_backward(const Tensor<T>& dz, const Tensor<T>& logvar,
                                           const Tensor<T>& noise) {
    LatentGradients<T> gradients{dz, Tensor<T>(dz.rows, dz.cols)};
    for (std::size_t e = 0; e < dz.size(); ++e)
        if (inside(logvar[e], kLogvarMin, kLogvarMax))
            gradients.dlogvar[e] = dz[e] * noise[e] * exp(logvar[e] / T(2)) / T(2);
    return gradients;
}

// --- KL divergence of N(mu, exp(logvar)) from N(0, 1) -------------------------------------------
//
//   kl = 1/N sum of (mu^2 + expm1(l) - l) / 2         l = clamp(logvar); all (N, latent)
//
//   dmu     = dkl mu / N
//   dlogvar = dkl expm1(l) / (2 N),  0 where logvar was clamped
//
// expm1(l) - l instead of exp(l) - 1 - l: it is exactly 0 at 0 and never negative.
// Source: Kingma and Welling 2014, appendix B.

template <class T>
T kl_divergence(const Tensor<T>& mu, const Tensor<T>& logvar) {
    T sum(0);
    for (std::size_t e = 0; e < mu.size(); ++e) {
        const T l = clamp(logvar[e], kLogvarMin, kLogvarMax);
        sum += (mu[e] * mu[e] + (expm1(l) - l)) / T(2);
    }
    return sum / T(mu.rows);
}

template <class T>
LatentGradients<T> kl_divergence_backward(T dkl, const Tensor<T>& mu, const Tensor<T>& logvar) {
    LatentGradients<T> gradients{mu, Tensor<T>(mu.rows, mu.cols)};
    const T scale = dkl / T(mu.rows);
    for (std::size_t e = 0; e < mu.size(); ++e) {
        gradients.dmu[e] *= scale;
        if (inside(logvar[e], kLogvarMin, kLogvarMax))
            gradients.dlogvar[e] = scale * expm1(logvar[e]) / T(2);
    }
    return gradients;
}

// --- Adam ---------------------------------------------------------------------------------------
//
//   m += (g - m) (1 - beta1);   v += (g^2 - v) (1 - beta2)            step t = 1, 2, ...
//   keras:  w -= learning_rate sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)
//   torch:  w -= learning_rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
//
// m and v start at 0. delayed: w moves by the m and v of before. |m| < 1e-30 and v < 1e-36 become
// 0: far below epsilon, they change nothing and would decay into denormals, which are slow. Source:
// Kingma and Ba, "Adam", 2015, algorithm 1 (torch) and the end of section 2 (keras).

enum class EpsilonPlacement { keras, torch };

struct AdamConfig {
    double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
    EpsilonPlacement placement = EpsilonPlacement::keras;
    bool delayed = false;
};

template <class T>
void adam_step(const AdamConfig& config, int t, const Tensor<T>& gradient, Tensor<T>& w,
               Tensor<T>& m, Tensor<T>& v) {
    const bool torch = config.placement == EpsilonPlacement::torch;
    const double correction1 = 1 - std::pow(config.beta1, t);
    const double root_correction2 = std::sqrt(1 - std::pow(config.beta2, t));
    const T step_size(config.learning_rate * (torch ? 1 : root_correction2) / correction1);
    const T root(torch ? root_correction2 : 1), epsilon(config.epsilon);
    const T one_minus_beta1(1 - config.beta1), one_minus_beta2(1 - config.beta2);
    for (std::size_t e = 0; e < w.size(); ++e) {
        const T g = gradient[e], m_before = m[e], v_before = v[e];
        m[e] += (g - m[e]) * one_minus_beta1;
        v[e] += (g * g - v[e]) * one_minus_beta2;
        if (real_part(absolute(m[e])) < 1e-30) m[e] = T(0);
        if (real_part(v[e]) < 1e-36) v[e] = T(0);
        w[e] -= step_size * (config.delayed ? m_before : m[e]) /
                (std::sqrt(config.delayed ? v_before : v[e]) / root + epsilon);
    }
}

// --- Gradient descent with momentum -------------------------------------------------------------
//
//   velocity = momentum velocity - learning_rate g;   w += velocity   velocity starts at 0
//
// Source: Keras, SGD; Polyak 1964.

template <class T>
void sgd_step(double learning_rate, double momentum, const Tensor<T>& gradient, Tensor<T>& w,
              Tensor<T>& velocity) {
    for (std::size_t e = 0; e < w.size(); ++e) {
        velocity[e] = T(momentum) * velocity[e] - T(learning_rate) * gradient[e];
        w[e] += velocity[e];
    }
}

}  // namespace handgrad::reference
