// The truth of the reconstruction losses; see reference.hpp for what that means and for the
// conventions.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>

#include "reference.hpp"

namespace handgrad::reference {

// --- Binary cross-entropy from logits -----------------------------------------------------------
//
//   loss = 1/N sum of softplus(a) - a t               a logits, t targets in [0, 1]; (N, features)
//
//   da = dloss (sigmoid(a) - t) / N
//
// which is -(t log p + (1 - t) log(1 - p)) with p = sigmoid(a), for every finite a.

template <class T>
T bce_with_logits(const Tensor<T>& logits, const Tensor<T>& targets) {
    T sum(0);
    for (std::size_t e = 0; e < logits.size(); ++e)
        sum += softplus(logits[e]) - logits[e] * targets[e];
    return sum / T(logits.rows);
}

template <class T>
Tensor<T> bce_with_logits_backward(T dloss, const Tensor<T>& logits, const Tensor<T>& targets) {
    Tensor<T> dlogits(logits.rows, logits.cols);
    const T scale = dloss / T(logits.rows);
    for (std::size_t e = 0; e < logits.size(); ++e)
        dlogits[e] = scale * (sigmoid(logits[e]) - targets[e]);
    return dlogits;
}

// --- Binary cross-entropy from probabilities, with the clip of Keras ----------------------------
//
//   loss = -1/N sum of t log c + (1 - t) log(1 - c)   c = clamp(p, 1e-7, 1 - 1e-7)
//
//   dp = dloss (c - t) / (c (1 - c)) / N,  0 where p was clamped
//
// The upper end is 1 - 1e-7 as T rounds it, in float 1 - 2^-23. The lesson of this loss: a pixel
// that is confidently wrong beyond the clip gets no gradient.
// Source: keras/backend, binary_crossentropy with from_logits=False.

inline constexpr double kProbabilityClip = 1e-7;

template <class T>
T bce_with_probabilities(const Tensor<T>& probabilities, const Tensor<T>& targets) {
    T sum(0);
    for (std::size_t e = 0; e < targets.size(); ++e) {
        const T c = clamp(probabilities[e], kProbabilityClip, 1 - kProbabilityClip);
        sum -= targets[e] * log(c) + (T(1) - targets[e]) * log(T(1) - c);
    }
    return sum / T(targets.rows);
}

template <class T>
Tensor<T> bce_with_probabilities_backward(T dloss, const Tensor<T>& probabilities,
                                          const Tensor<T>& targets) {
    Tensor<T> dprobabilities(targets.rows, targets.cols);
    const T scale = dloss / T(targets.rows);
    for (std::size_t e = 0; e < targets.size(); ++e) {
        const T p = probabilities[e];
        if (inside(p, kProbabilityClip, 1 - kProbabilityClip))
            dprobabilities[e] = scale * (p - targets[e]) / (p * (T(1) - p));
    }
    return dprobabilities;
}

// --- Binary cross-entropy from probabilities, with the clamp of PyTorch -------------------------
//
//   loss = -1/N sum of t max(log p, -100) + (1 - t) max(log(1 - p), -100)
//
//   dp = dloss (p - t) / max(p (1 - p), 1e-12) / N
//
// Source: PyTorch, aten/src/ATen/native/Loss.cpp, binary_cross_entropy.

template <class T>
T bce_with_clamped_logs(const Tensor<T>& probabilities, const Tensor<T>& targets) {
    // A branch instead of a maximum: log(0) is no number to go on with.
    const auto log_or_least = [](const T& p) {
        return real_part(p) <= std::exp(-100.0) ? T(-100) : log(p);
    };
    T sum(0);
    for (std::size_t e = 0; e < targets.size(); ++e)
        sum -= targets[e] * log_or_least(probabilities[e]) +
               (T(1) - targets[e]) * log_or_least(T(1) - probabilities[e]);
    return sum / T(targets.rows);
}

template <class T>
Tensor<T> bce_with_clamped_logs_backward(T dloss, const Tensor<T>& probabilities,
                                         const Tensor<T>& targets) {
    Tensor<T> dprobabilities(targets.rows, targets.cols);
    const T scale = dloss / T(targets.rows);
    for (std::size_t e = 0; e < targets.size(); ++e) {
        const T p = probabilities[e], variance = p * (T(1) - p);
        const T divisor = real_part(variance) < 1e-12 ? T(1e-12) : variance;
        dprobabilities[e] = scale * (p - targets[e]) / divisor;
    }
    return dprobabilities;
}

// --- Continuous Bernoulli -----------------------------------------------------------------------
//
//   loss = 1/N sum of log((exp(a) - 1) / a) - a t      a logits, t targets in [0, 1]
//
//   da = dloss (1 / (1 - exp(-a)) - 1 / a - t) / N
//
// Near a = 0, where both divide 0 by 0, by the series of log(sinh(a / 2) / (a / 2)) + a / 2: what
// they leave out is below 1e-18 for |a| < 0.1.
// Source: Loaiza-Ganem and Cunningham, "The continuous Bernoulli", 2019.

inline constexpr double kSmallLogit = 0.1;

template <class T>
T continuous_bernoulli_nll(const Tensor<T>& logits, const Tensor<T>& targets) {
    T sum(0);
    for (std::size_t e = 0; e < logits.size(); ++e) {
        const T a = logits[e], size = absolute(a), s = a * a;
        if (real_part(size) < kSmallLogit) {
            sum += a / T(2) - a * targets[e] +
                   s * (T(1.0 / 24) +
                        s * (T(-1.0 / 2880) + s * (T(1.0 / 181440) - s * T(1.0 / 9676800))));
        } else {
            const T positive = real_part(a) > 0 ? a : T(0);
            sum += positive - a * targets[e] + log(-expm1(-size) / size);
        }
    }
    return sum / T(logits.rows);
}

template <class T>
Tensor<T> continuous_bernoulli_nll_backward(T dloss, const Tensor<T>& logits,
                                            const Tensor<T>& targets) {
    Tensor<T> dlogits(logits.rows, logits.cols);
    const T scale = dloss / T(logits.rows);
    for (std::size_t e = 0; e < logits.size(); ++e) {
        const T a = logits[e], s = a * a;
        T mean;
        if (real_part(absolute(a)) < kSmallLogit)
            mean = T(0.5) + a * (T(1.0 / 12) +
                                 s * (T(-1.0 / 720) + s * (T(1.0 / 30240) - s * T(1.0 / 1209600))));
        else if (real_part(a) > 0)
            mean = T(-1) / expm1(-a) - T(1) / a;
        else
            mean = exp(a) / expm1(a) - T(1) / a;
        dlogits[e] = scale * (mean - targets[e]);
    }
    return dlogits;
}

// --- Squared error ------------------------------------------------------------------------------
//
//   loss = 1/N sum of (y - t)^2                       (N, features)
//
//   dy = dloss 2 (y - t) / N

template <class T>
T mse(const Tensor<T>& y, const Tensor<T>& targets) {
    T sum(0);
    for (std::size_t e = 0; e < y.size(); ++e) sum += (y[e] - targets[e]) * (y[e] - targets[e]);
    return sum / T(y.rows);
}

template <class T>
Tensor<T> mse_backward(T dloss, const Tensor<T>& y, const Tensor<T>& targets) {
    Tensor<T> dy(y.rows, y.cols);
    const T scale = dloss * T(2) / T(y.rows);
    for (std::size_t e = 0; e < y.size(); ++e) dy[e] = scale * (y[e] - targets[e]);
    return dy;
}

// --- Gaussian of a given variance ---------------------------------------------------------------
//
//   loss = 1/N sum of (y - t)^2 / (2 variance) + log(2 pi variance) / 2          (N, features)
//
//   dy = dloss (y - t) / variance / N

template <class T>
T gaussian_nll(const Tensor<T>& y, const Tensor<T>& targets, double variance) {
    const double constant = double(y.cols) / 2 * std::log(2 * std::numbers::pi * variance);
    return mse(y, targets) / T(2 * variance) + T(constant);
}

template <class T>
Tensor<T> gaussian_nll_backward(T dloss, const Tensor<T>& y, const Tensor<T>& targets,
                                double variance) {
    return mse_backward(dloss / T(2 * variance), y, targets);
}

// --- Cross-entropy of a softmax ----------------------------------------------------------------
//
//   loss = -1/N sum of log p_t                        p = softmax(a), t the label of a row; (N, c)
//
//   da_j = dloss (p_j - [j = t]) / N
//
// with the largest logit taken off all of a row, which changes neither p nor the loss.

template <class T>
Tensor<T> softmax(const Tensor<T>& logits) {
    Tensor<T> p(logits.rows, logits.cols);
    for (Index i = 0; i < logits.rows; ++i) {
        T highest = logits(i, 0), sum(0);
        for (Index j = 1; j < logits.cols; ++j)
            if (real_part(logits(i, j)) > real_part(highest)) highest = logits(i, j);
        for (Index j = 0; j < logits.cols; ++j) sum += p(i, j) = exp(logits(i, j) - highest);
        for (Index j = 0; j < logits.cols; ++j) p(i, j) /= sum;
    }
    return p;
}

template <class T>
T softmax_cross_entropy(const Tensor<T>& logits, std::span<const std::uint32_t> labels) {
    T sum(0);
    for (Index i = 0; i < logits.rows; ++i) {
        // log p of every other class against the label's: -log p_t = log(sum_j exp(a_j - a_t)).
        const T right = logits(i, Index(labels[std::size_t(i)]));
        T highest(0), total(0);
        for (Index j = 0; j < logits.cols; ++j)
            if (real_part(logits(i, j) - right) > real_part(highest))
                highest = logits(i, j) - right;
        for (Index j = 0; j < logits.cols; ++j) total += exp(logits(i, j) - right - highest);
        sum += highest + log(total);
    }
    return sum / T(logits.rows);
}

template <class T>
Tensor<T> softmax_cross_entropy_backward(T dloss, const Tensor<T>& logits,
                                         std::span<const std::uint32_t> labels) {
    Tensor<T> dlogits = softmax(logits);
    const T scale = dloss / T(logits.rows);
    for (Index i = 0; i < logits.rows; ++i) {
        dlogits(i, Index(labels[std::size_t(i)])) -= T(1);
        for (Index j = 0; j < logits.cols; ++j) dlogits(i, j) *= scale;
    }
    return dlogits;
}

}  // namespace handgrad::reference
