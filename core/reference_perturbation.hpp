// The loss of a reference Vae as a function of one of its parameters, for checking gradients: what
// becomes of the loss when that parameter moves by delta and everything else stays.
//
// A parameter of a dense layer moves one column of the layer's output, and with it a multiple of
// one row of the next layer's weights; only from there on is anything computed in full. A column
// that does not move (a dark pixel, a hidden unit behind its ReLU) moves no loss.
//
// T is std::complex<double> for a complex step delta = ih (see reference.hpp), or long double for
// finite differences, whose rounding errors would drown in a double.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "reference_vae.hpp"

namespace handgrad::reference {

// Summed up, the losses in nats per image; kl is without its weight. One addend per pixel and one
// per latent, so that a difference of two losses can be taken before the sum rounds it; the
// importance weighted bound is all in recon, one addend per image. Addends that delta does not move
// may be missing.
template <class T>
struct LossAddends {
    std::vector<T> recon, kl;
};

template <class T>
class PerturbedVae {
  public:
    // Of the model with these parameters (as Vae::parameters()), at images x (N, inputs) and noise
    // (N, latent).
    PerturbedVae(const VaeConfig& config, Vae<double>& model, const Tensor<double>& x,
                 const Tensor<double>& noise)
        : config_(config),
          mu_(config.hidden.size()),
          activations_(model.activations()),
          parameters_(model.parameters()),
          x_(convert(x)),
          noise_(convert(noise)) {
        Tensor<T> h = x_;
        for (std::size_t l = 0; l < layer_count(); ++l) {
            if (l == decoder()) h = sample(y_[mu_], y_[logvar()]);
            input_.push_back(l == logvar() ? input_[mu_] : h);
            a_.push_back(dense_forward(input_[l], w(l), b(l), Activation::linear));
            y_.push_back(activate(l, a_[l]));
            h = y_[l];
        }
    }

    // a = x W + b of every layer, where nothing is moved.
    const std::vector<Tensor<T>>& pre_activations() const { return a_; }
    const std::vector<Tensor<T>>& outputs() const { return y_; }

    // All addends, where nothing is moved.
    LossAddends<T> losses() const {
        return addends_of(y_[mu_], y_[logvar()], input_[decoder()], y_.back());
    }

    // With element e of parameter tensor p (in the order of Vae::parameters()) moved by delta. For
    // a delta of 0 they are the addends that may move, at rest.
    LossAddends<T> losses(std::size_t p, std::size_t e, T delta) const {
        const std::size_t l = p / 2;
        const bool is_bias = p % 2 == 1;
        const Index i = Index(e) / w(l).cols, j = Index(e) % w(l).cols;
        Tensor<T> y = y_[l];  // with column j moved
        bool moved = delta == T(0);
        for (Index n = 0; n < y.rows; ++n) {
            const T da = is_bias ? delta : input_[l](n, i) * delta;
            y(n, j) = activation_forward(activations_[l], a_[l](n, j) + da);
            moved = moved || y(n, j) != y_[l](n, j);
        }
        if (!moved) return {};
        const bool last = l + 1 == layer_count();
        if (l >= decoder() && config_.importance_weighted)
            return {bound_addends(last ? y : decode(l + 2, next_output(l + 1, y, j)),
                                  input_[decoder()], y_[logvar()]),
                    {}};
        if (last) return {{recon_of_column(y, j)}, {}};
        if (l >= decoder()) return {recon_addends(decode(l + 2, next_output(l + 1, y, j))), {}};
        if (l == mu_) return from_heads(std::move(y), y_[logvar()]);
        if (l == logvar()) return from_heads(y_[mu_], std::move(y));
        if (l + 1 == mu_) return from_heads(next_output(mu_, y, j), next_output(logvar(), y, j));
        y = next_output(l + 1, y, j);
        for (std::size_t k = l + 2; k < mu_; ++k) y = dense_forward(y, w(k), b(k), activations_[k]);
        return from_heads(dense_forward(y, w(mu_), b(mu_), Activation::linear),
                          dense_forward(y, w(logvar()), b(logvar()), Activation::linear));
    }

  private:
    std::size_t logvar() const { return mu_ + 1; }
    std::size_t decoder() const { return mu_ + 2; }
    std::size_t layer_count() const { return activations_.size(); }
    const Tensor<double>& w(std::size_t l) const { return parameters_[2 * l]; }
    const Tensor<double>& b(std::size_t l) const { return parameters_[2 * l + 1]; }

    static Tensor<T> convert(const Tensor<double>& t) {
        return {t.rows, t.cols, {t.data.begin(), t.data.end()}};
    }

    Tensor<T> activate(std::size_t l, Tensor<T> a) const {
        for (T& value : a.data) value = activation_forward(activations_[l], value);
        return a;
    }

    // The output of layer l when its input is `x`, which differs from the old one in column j.
    Tensor<T> next_output(std::size_t l, const Tensor<T>& x, Index j) const {
        Tensor<T> a = a_[l];
        for (Index n = 0; n < a.rows; ++n) {
            const T dx = x(n, j) - input_[l](n, j);
            const double* row = w(l).row(j);
            for (Index k = 0; k < a.cols; ++k) a(n, k) += dx * row[k];
        }
        return activate(l, std::move(a));
    }

    // The decoder's output when layer l - 1 returned y.
    Tensor<T> decode(std::size_t l, Tensor<T> y) const {
        for (; l < layer_count(); ++l) y = dense_forward(y, w(l), b(l), activations_[l]);
        return y;
    }

    LossAddends<T> from_heads(const Tensor<T>& mu, const Tensor<T>& logvar) const {
        const Tensor<T> z = sample(mu, logvar);
        return addends_of(mu, logvar, z, decode(decoder(), z));
    }

    LossAddends<T> addends_of(const Tensor<T>& mu, const Tensor<T>& logvar, const Tensor<T>& z,
                              const Tensor<T>& y) const {
        if (config_.importance_weighted) return {bound_addends(y, z, logvar), {}};
        LossAddends<T> addends;
        addends.recon = recon_addends(y);
        const Tensor<T> l = logvar_of(logvar);
        for (Index j = 0; j < mu.cols; ++j)
            addends.kl.push_back(count_free_bits(kl_of_latent(mu, l, j), config_.free_bits));
        return addends;
    }

    // logvar, of what that layer returns.
    Tensor<T> logvar_of(Tensor<T> head) const {
        if (config_.log_sigma_head)
            for (T& value : head.data) value *= T(2);
        return head;
    }
    Tensor<T> sample(const Tensor<T>& mu, const Tensor<T>& logvar) const {
        return reparameterize(repeat_rows(mu, config_.samples),
                              repeat_rows(logvar_of(logvar), config_.samples), noise_);
    }

    std::vector<T> bound_addends(const Tensor<T>& y, const Tensor<T>& z,
                                 const Tensor<T>& logvar) const {
        const Tensor<T> l = logvar_of(logvar);
        std::vector<T> addends;
        for (Index n = 0; n < x_.rows; ++n) {
            std::vector<T> logs;
            for (Index row = n * config_.samples; row < (n + 1) * config_.samples; ++row)
                logs.push_back(log_weight(recon_loss(config_, row_of(y, row), row_of(x_, n)),
                                          z.row(row), noise_.row(row), l.row(n), config_.latent));
            addends.push_back(weigh_samples(logs).loss / T(double(x_.rows)));
        }
        return addends;
    }

    static Tensor<T> row_of(const Tensor<T>& t, Index row) {
        return {1, t.cols, {t.row(row), t.row(row) + t.cols}};
    }

    static Tensor<T> column(const Tensor<T>& t, Index j) {
        Tensor<T> c(t.rows, 1);
        for (Index n = 0; n < t.rows; ++n) c(n, 0) = t(n, j);
        return c;
    }
    T recon_of_column(const Tensor<T>& y, Index j) const {
        return recon_loss(config_, column(y, j), repeat_rows(column(x_, j), config_.samples));
    }
    std::vector<T> recon_addends(const Tensor<T>& y) const {
        std::vector<T> addends;
        for (Index j = 0; j < y.cols; ++j) addends.push_back(recon_of_column(y, j));
        return addends;
    }

    VaeConfig config_;
    std::size_t mu_;  // the position of that head among the layers
    std::vector<Activation> activations_;
    std::vector<Tensor<double>> parameters_;
    Tensor<T> x_, noise_;
    std::vector<Tensor<T>> input_, a_, y_;  // of every layer; y = f(a)
};

}  // namespace handgrad::reference
