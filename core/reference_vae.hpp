// The whole variational autoencoder in the operations of reference.hpp: one training step to read
// from top to bottom, with the number type as a parameter.
//
//   h      = encoder(x)                         one dense layer per hidden width
//   mu     = h W_mu + b_mu,  logvar = h W_logvar + b_logvar
//   z      = reparameterize(mu, logvar, noise)
//   a      = decoder(z)                         the hidden widths mirrored, then the pixels
//   loss   = recon_loss(a, x) + kl_weight kl_divergence(mu, logvar)
//
// with k samples of z for every image, its rows are repeated k times before the noise; and the loss
// may be the importance weighted bound instead.
#pragma once

#include <utility>
#include <vector>

#include "reference_objectives.hpp"

namespace handgrad::reference {

// What acts on the decoder's output as it is: bce and continuous_bernoulli, for which it is logits,
// and gaussian. The others act on its sigmoid.
enum class ReconLoss {
    bce,
    bce_probabilities,
    mse,
    bce_clamped_logs,
    continuous_bernoulli,
    gaussian
};

struct VaeConfig {
    Index inputs = 784;
    std::vector<Index> hidden = {512};  // of the encoder; at least one
    Index latent = 2;
    Activation activation = Activation::relu;
    ReconLoss recon_loss = ReconLoss::bce;
    double kl_weight = 1;
    double pixel_variance = 0.5;  // of gaussian
    Index samples = 1;            // of z for each image
    bool importance_weighted = false;
    double free_bits = 0;         // nats of each latent's kl
    bool log_sigma_head = false;  // that layer returns logvar / 2
    bool sum_over_batch = false;  // gradients are those of the sum over the images
};

// In nats per image; kl is without its weight. loss is what is minimised.
template <class T>
struct VaeLosses {
    T recon, kl, loss;
};

template <class T>
T recon_loss(const VaeConfig& config, const Tensor<T>& y, const Tensor<T>& x) {
    switch (config.recon_loss) {
        case ReconLoss::bce_probabilities:
            return bce_with_probabilities(y, x);
        case ReconLoss::bce_clamped_logs:
            return bce_with_clamped_logs(y, x);
        case ReconLoss::mse:
            return mse(y, x);
        case ReconLoss::continuous_bernoulli:
            return continuous_bernoulli_nll(y, x);
        case ReconLoss::gaussian:
            return gaussian_nll(y, x, config.pixel_variance);
        case ReconLoss::bce:
            break;
    }
    return bce_with_logits(y, x);
}

template <class T>
Tensor<T> recon_loss_backward(const VaeConfig& config, T dloss, const Tensor<T>& y,
                              const Tensor<T>& x) {
    switch (config.recon_loss) {
        case ReconLoss::bce_probabilities:
            return bce_with_probabilities_backward(dloss, y, x);
        case ReconLoss::bce_clamped_logs:
            return bce_with_clamped_logs_backward(dloss, y, x);
        case ReconLoss::mse:
            return mse_backward(dloss, y, x);
        case ReconLoss::continuous_bernoulli:
            return continuous_bernoulli_nll_backward(dloss, y, x);
        case ReconLoss::gaussian:
            return gaussian_nll_backward(dloss, y, x, config.pixel_variance);
        case ReconLoss::bce:
            break;
    }
    return bce_with_logits_backward(dloss, y, x);
}

// W is the number type of the parameters, if it is another.
template <class T, class W = T>
class Vae {
  public:
    explicit Vae(const VaeConfig& config) : config_(config) {
        Index width = config.inputs;
        for (Index next : config.hidden) {
            add_layer(width, next, config.activation);
            width = next;
        }
        add_layer(width, config.latent, Activation::linear);  // mu
        add_layer(width, config.latent, Activation::linear);  // logvar
        width = config.latent;
        for (auto next = config.hidden.rbegin(); next != config.hidden.rend(); ++next) {
            add_layer(width, *next, config.activation);
            width = *next;
        }
        const bool linear = config.recon_loss == ReconLoss::bce ||
                            config.recon_loss == ReconLoss::continuous_bernoulli ||
                            config.recon_loss == ReconLoss::gaussian;
        add_layer(width, config.inputs, linear ? Activation::linear : Activation::sigmoid);
    }

    // The tensors of every layer, weight (in, out) then bias (1, out), in the order: encoder, mu,
    // logvar, decoder with the output layer last. All zeros at first; gradients() are those of the
    // last backward().
    std::vector<Tensor<W>>& parameters() { return parameters_; }
    const std::vector<Tensor<W>>& parameters() const { return parameters_; }
    const std::vector<Activation>& activations() const { return activations_; }  // of each layer
    const std::vector<Tensor<T>>& gradients() const { return gradients_; }
    // What the layers returned in the last forward(), in the same order.
    const std::vector<Tensor<T>>& outputs() const { return y_; }
    // The gradient of element e of parameter tensor p alone, after backward_to_layers().
    T gradient(std::size_t p, std::size_t e) const {
        const std::size_t l = p / 2;
        const Tensor<T>&x = input_of(l), &da = da_[l];
        const bool is_bias = p % 2 == 1;
        const Index i = Index(e) / da.cols, j = Index(e) % da.cols;
        T sum(0);
        for (Index n = 0; n < da.rows; ++n)
            sum = is_bias ? sum + da(n, j) : sum + x(n, i) * da(n, j);
        return sum;
    }

    // x (N, inputs), noise (N samples, latent).
    VaeLosses<T> forward(const Tensor<T>& x, const Tensor<T>& noise) {
        y_.resize(layer_count());
        x_ = x;
        noise_ = noise;
        for (std::size_t l = 0; l < mu(); ++l) layer_forward(l);
        layer_forward(mu());
        layer_forward(logvar());
        logvar_ = y_[logvar()];
        if (config_.log_sigma_head) multiply(T(2), logvar_);
        targets_ = repeat_rows(x, config_.samples);
        logvars_ = repeat_rows(logvar_, config_.samples);
        z_ = reparameterize(repeat_rows(y_[mu()], config_.samples), logvars_, noise);
        for (std::size_t l = decoder(); l < layer_count(); ++l) layer_forward(l);

        VaeLosses<T> losses{recon_loss(config_, y_.back(), targets_),
                            kl_divergence(y_[mu()], logvar_), T(0)};
        if (config_.importance_weighted) {
            losses.loss = weigh_images();
        } else {
            T counted(0);
            for (Index j = 0; j < config_.latent; ++j)
                counted += count_free_bits(kl_of_latent(y_[mu()], logvar_, j), config_.free_bits);
            losses.loss = losses.recon + T(config_.kl_weight) * counted;
        }
        return losses;
    }

    // Gradient of recon_share * recon + kl_share * kl_weight * kl, as the last forward() computed
    // them, with respect to every parameter; or of recon_share times the importance weighted bound.
    void backward(double recon_share = 1, double kl_share = 1) {
        backward_to_layers(recon_share, kl_share);
        for (std::size_t l = 0; l < layer_count(); ++l) {
            gradients_[2 * l] = product(transpose(input_of(l)), da_[l]);
            gradients_[2 * l + 1] = sum_rows(da_[l]);
        }
    }

    // The same with respect to every layer's pre-activation a alone, where y = f(a).
    void backward_to_layers(double recon_share = 1, double kl_share = 1) {
        const T recon_weight(recon_share);
        da_.resize(layer_count());
        const T scale = config_.sum_over_batch ? T(double(x_.rows)) : T(1);
        // Reverses recon_loss and the decoder, its last layer first: dy becomes dz.
        Tensor<T> dy = recon_loss_backward(config_, scale * recon_weight, y_.back(), targets_);
        if (config_.importance_weighted) multiply_rows_by_shares(dy);
        for (std::size_t l = layer_count(); l-- > decoder();) dy = layer_backward(l, dy);

        // mu and logvar feed both z and the rest of the loss, so their gradients are sums of two.
        // log w has -|z|^2 / 2, which is one more way through z, and logvar / 2.
        const T image = scale * recon_weight / T(double(x_.rows));
        if (config_.importance_weighted)
            for (Index row = 0; row < dy.rows; ++row)
                for (Index j = 0; j < dy.cols; ++j)
                    dy(row, j) += image * shares_[std::size_t(row)] * z_(row, j);
        const auto samples = reparameterize_backward(dy, logvars_, noise_);
        LatentGradients<T> latent{repeat_rows_backward(samples.dmu, config_.samples),
                                  repeat_rows_backward(samples.dlogvar, config_.samples)};
        if (config_.importance_weighted) {
            for (std::size_t e = 0; e < logvar_.size(); ++e)
                if (inside(logvar_[e], kLogvarMin, kLogvarMax)) latent.dlogvar[e] -= image / T(2);
        } else {
            auto kl =
                kl_divergence_backward(scale * T(kl_share * config_.kl_weight), y_[mu()], logvar_);
            for (Index j = 0; j < config_.latent; ++j)
                if (real_part(kl_of_latent(y_[mu()], logvar_, j)) < config_.free_bits)
                    for (Index n = 0; n < x_.rows; ++n) kl.dmu(n, j) = kl.dlogvar(n, j) = T(0);
            add(kl.dmu, latent.dmu);
            add(kl.dlogvar, latent.dlogvar);
        }
        if (config_.log_sigma_head) multiply(T(2), latent.dlogvar);

        // Both heads read the last hidden layer, so its gradient is the sum of theirs.
        dy = layer_backward(mu(), latent.dmu);
        add(layer_backward(logvar(), latent.dlogvar), dy);
        for (std::size_t l = mu(); l-- > 0;) dy = layer_backward(l, dy);
    }

    // forward, backward and one step of Adam on every parameter; the losses are those before it.
    VaeLosses<T> train_step(const AdamConfig& adam, const Tensor<T>& x, const Tensor<T>& noise) {
        const VaeLosses<T> losses = forward(x, noise);
        backward();
        if (++step_ == 1)
            for (const Tensor<W>& p : parameters_)
                for (auto* moments : {&m_, &v_}) moments->emplace_back(p.rows, p.cols);
        for (std::size_t p = 0; p < parameters_.size(); ++p)
            adam_step(adam, step_, gradients_[p], parameters_[p], m_[p], v_[p]);
        return losses;
    }

  private:
    // Positions in the list of layers.
    std::size_t mu() const { return config_.hidden.size(); }
    std::size_t logvar() const { return mu() + 1; }
    std::size_t decoder() const { return mu() + 2; }
    std::size_t layer_count() const { return activations_.size(); }

    void add_layer(Index in, Index out, Activation activation) {
        activations_.push_back(activation);
        for (const Index rows : {in, Index(1)}) {
            parameters_.emplace_back(rows, out);
            gradients_.emplace_back();
        }
    }

    const Tensor<T>& input_of(std::size_t layer) const {
        if (layer == 0) return x_;
        if (layer == logvar()) return y_[mu() - 1];  // the last hidden layer, as mu does
        if (layer == decoder()) return z_;
        return y_[layer - 1];
    }

    void layer_forward(std::size_t l) {
        y_[l] =
            dense_forward(input_of(l), parameters_[2 * l], parameters_[2 * l + 1], activations_[l]);
    }

    // Keeps the gradient of a, of which the parameters' are made, and returns that of the layer's
    // input; the first layer's needs none.
    Tensor<T> layer_backward(std::size_t l, const Tensor<T>& dy) {
        da_[l] = activation_backward(dy, y_[l], activations_[l]);
        return l == 0 ? Tensor<T>() : product(da_[l], transpose(parameters_[2 * l]));
    }

    // Keeps the share of every sample; returns the bound.
    T weigh_images() {
        shares_.clear();
        T sum(0);
        for (Index n = 0; n < x_.rows; ++n) {
            std::vector<T> logs;
            for (Index row = n * config_.samples; row < (n + 1) * config_.samples; ++row)
                logs.push_back(
                    log_weight(recon_loss(config_, row_of(y_.back(), row), row_of(targets_, row)),
                               z_.row(row), noise_.row(row), logvars_.row(row), config_.latent));
            const WeightedSamples<T> weighed = weigh_samples(logs);
            shares_.insert(shares_.end(), weighed.shares.begin(), weighed.shares.end());
            sum += weighed.loss;
        }
        return sum / T(double(x_.rows));
    }

    // A sample's loss counts by its share, where the mean gave each the same 1 / samples.
    void multiply_rows_by_shares(Tensor<T>& dy) const {
        for (Index row = 0; row < dy.rows; ++row)
            for (Index j = 0; j < dy.cols; ++j)
                dy(row, j) *= shares_[std::size_t(row)] * T(double(config_.samples));
    }

    static Tensor<T> row_of(const Tensor<T>& t, Index row) {
        return {1, t.cols, {t.row(row), t.row(row) + t.cols}};
    }
    static void multiply(const T& factor, Tensor<T>& t) {
        for (T& value : t.data) value *= factor;
    }
    static void add(const Tensor<T>& term, Tensor<T>& sum) {
        for (std::size_t e = 0; e < sum.size(); ++e) sum[e] += term[e];
    }

    VaeConfig config_;
    std::vector<Activation> activations_;       // of each layer
    std::vector<Tensor<W>> parameters_;         // two of each layer
    std::vector<Tensor<T>> gradients_, m_, v_;  // likewise
    std::vector<Tensor<T>> y_;                  // the output of each layer, f(a)
    std::vector<Tensor<T>> da_;                 // the gradient of a
    Tensor<T> x_, noise_;
    Tensor<T> logvar_;             // of each image
    Tensor<T> targets_, logvars_;  // of each sample
    Tensor<T> z_;
    std::vector<T> shares_;
    int step_ = 0;
};

}  // namespace handgrad::reference
