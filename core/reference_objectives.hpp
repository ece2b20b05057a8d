// The truth of the objectives that are not recon + kl_weight kl: several samples of z for an image,
// the importance weighted bound, free bits. See reference.hpp for what truth means here.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "reference_losses.hpp"

namespace handgrad::reference {

// --- Several samples ----------------------------------------------------------------------------
//
//   row i k + s of the repeated matrix = row i        s = 0 .. k-1

template <class T>
Tensor<T> repeat_rows(const Tensor<T>& t, Index k) {
    Tensor<T> repeated(t.rows * k, t.cols);
    for (Index row = 0; row < repeated.rows; ++row)
        std::copy_n(t.row(row / k), t.cols, repeated.row(row));
    return repeated;
}

template <class T>
Tensor<T> repeat_rows_backward(const Tensor<T>& drepeated, Index k) {
    Tensor<T> dt(drepeated.rows / k, drepeated.cols);
    for (Index row = 0; row < drepeated.rows; ++row)
        for (Index j = 0; j < dt.cols; ++j) dt(row / k, j) += drepeated(row, j);
    return dt;
}

// --- Importance weighted bound ------------------------------------------------------------------
//
//   log w = -recon - |z|^2 / 2 + 1/2 sum_j (l_j + noise_j^2)         one for each row i k + s
//   loss  = -1/N sum_i log(1/k sum_s w_is)
//
//   share_is = w_is / sum_s w_is;   dlog w_is = -dloss share_is / N
//
// Source: Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016.

template <class T>
T log_weight(const T& recon, const T* z, const T* noise, const T* logvar, Index latent) {
    T sum(0);
    for (Index j = 0; j < latent; ++j)
        sum += clamp(logvar[j], kLogvarMin, kLogvarMax) + noise[j] * noise[j] - z[j] * z[j];
    return sum / T(2) - recon;
}

// The shares of k weights, and -log of their mean.
template <class T>
struct WeightedSamples {
    std::vector<T> shares;
    T loss;
};

template <class T>
WeightedSamples<T> weigh_samples(const std::vector<T>& log_weights) {
    T highest = log_weights.front();
    for (const T& l : log_weights)
        if (real_part(l) > real_part(highest)) highest = l;
    WeightedSamples<T> result;
    T sum(0);
    for (const T& l : log_weights) {
        result.shares.push_back(exp(l - highest));
        sum += result.shares.back();
    }
    for (T& share : result.shares) share /= sum;
    result.loss = -(highest + log(sum / T(double(log_weights.size()))));
    return result;
}

// --- Free bits ----------------------------------------------------------------------------------
//
//   counted = sum_j max(floor, kl_j)          kl_j of latent j, averaged over the images
//
//   no gradient where kl_j < floor
//
// Source: Kingma, Salimans et al., "Improved variational inference with inverse autoregressive
// flow", 2016.

template <class T>
T kl_of_latent(const Tensor<T>& mu, const Tensor<T>& logvar, Index j) {
    Tensor<T> m(mu.rows, 1), l(mu.rows, 1);
    for (Index n = 0; n < mu.rows; ++n) m(n, 0) = mu(n, j), l(n, 0) = logvar(n, j);
    return kl_divergence(m, l);
}

template <class T>
T count_free_bits(const T& kl, double floor) {
    return real_part(kl) < floor ? T(floor) : kl;
}

}  // namespace handgrad::reference
