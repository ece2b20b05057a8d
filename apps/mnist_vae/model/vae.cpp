#include "vae.hpp"

#include <algorithm>

#include "../../../core/ops.hpp"
#include "../../../core/reference.hpp"
#include "../../../losses/bce.hpp"
#include "../../../losses/continuous_bernoulli.hpp"
#include "../../../losses/free_bits.hpp"
#include "../../../losses/gaussian.hpp"
#include "../../../losses/importance_weighted.hpp"
#include "../../../losses/kl_divergence.hpp"
#include "../../../losses/mse.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

ConstMatrixView copy_to(Matrix& target, ConstMatrixView source) {
    const MatrixView view = target.resize(source.rows, source.cols);
    for (Index i = 0; i < source.rows; ++i) std::copy_n(source.row(i), source.cols, view.row(i));
    return view;
}

// Every row k times.
ConstMatrixView repeat_rows(ConstMatrixView source, Index k, Matrix& target) {
    if (k == 1) return source;
    const MatrixView repeated = target.resize(source.rows * k, source.cols);
    for_each_row(repeated.rows, repeated.cols, [&](Index row) {
        std::copy_n(source.row(row / k), source.cols, repeated.row(row));
    });
    return repeated;
}

// The sums of k rows each.
ConstMatrixView sum_repeated_rows(ConstMatrixView source, Index k, Matrix& target) {
    if (k == 1) return source;
    const MatrixView sums = target.resize(source.rows / k, source.cols);
    for (Index i = 0; i < sums.rows; ++i) {
        std::copy_n(source.row(i * k), sums.cols, sums.row(i));
        for (Index s = 1; s < k; ++s)
            for (Index j = 0; j < sums.cols; ++j) sums(i, j) += source(i * k + s, j);
    }
    return sums;
}

// With the second half, log sigma and logvar or their gradients, twice what it was.
ConstMatrixView double_second_half(ConstMatrixView source, Matrix& target) {
    const MatrixView doubled = target.resize(source.rows, source.cols);
    const Index half = source.cols / 2;
    for (Index i = 0; i < source.rows; ++i) {
        std::copy_n(source.row(i), half, doubled.row(i));
        for (Index j = half; j < source.cols; ++j) doubled(i, j) = 2 * source(i, j);
    }
    return doubled;
}

}  // namespace

Activation output_activation(ReconLoss loss) {
    switch (loss) {
        case ReconLoss::bce:
        case ReconLoss::continuous_bernoulli:
        case ReconLoss::gaussian:
            return Activation::linear;
        case ReconLoss::bce_probabilities:
        case ReconLoss::bce_clamped_logs:
        case ReconLoss::mse:
            break;
    }
    return Activation::sigmoid;
}

Activation pixel_activation(ReconLoss loss) {
    const bool takes_logits = loss == ReconLoss::bce || loss == ReconLoss::continuous_bernoulli;
    return takes_logits ? Activation::sigmoid : Activation::linear;
}

std::string Architecture::widths() const {
    std::string there = std::to_string(pixels()), back = there;
    for (Index width : hidden) {
        there += "-" + std::to_string(width);
        back = std::to_string(width) + "-" + back;
    }
    return there + "-" + std::to_string(latent) + "-" + back;
}

Vae::Vae(const Architecture& architecture)
    : architecture_(architecture), latent_(architecture.latent) {
    static StepHooks no_hooks;
    hooks_ = &no_hooks;
    const Activation f = architecture.activation;
    const Activation output = output_activation(architecture.recon_loss);

    Index width = architecture.pixels();
    for (std::size_t i = 0; i < architecture.hidden.size(); ++i) {
        const std::string name = "encoder." + std::to_string(i);
        hidden_.push_back(&encoder_.add<Dense>(arena_, name, width, architecture.hidden[i], f));
        width = architecture.hidden[i];
    }
    heads_ =
        &encoder_.add<Dense>(arena_, "head", width, 2 * architecture.latent, Activation::linear);

    first_ = hidden_.empty() ? heads_ : hidden_.front();

    width = architecture.latent;
    for (std::size_t i = 0; i <= architecture.hidden.size(); ++i) {
        const bool last = i == architecture.hidden.size();
        const Index out = last ? architecture.pixels() : architecture.hidden.rbegin()[i];
        const std::string name = "decoder." + std::to_string(i);
        mirrored_.push_back(&decoder_.add<Dense>(arena_, name, width, out, last ? output : f));
        width = out;
    }
    arena_.allocate();
}

ConstMatrixView Vae::zeros_like(ConstMatrixView m) {
    const MatrixView zeros = zeros_.resize(m.rows, m.cols);
    for (Index i = 0; i < m.rows; ++i) std::fill_n(zeros.row(i), m.cols, 0.0f);
    return zeros;
}

ConstMatrixView Vae::read_head(ConstMatrixView encoded) {
    head_ = architecture_.log_sigma_head ? double_second_half(encoded, doubled_head_) : encoded;
    return head_;
}

LossTerms Vae::forward_training(ConstMatrixView x, ConstMatrixView noise,
                                const Objective& objective, const SparseBatch* sparse) {
    objective_ = objective;
    first_->expect_sparse(sparse);
    const ConstMatrixView head = read_head(encoder_.forward(x));
    const ConstMatrixView heads = repeat_rows(head, objective.samples, sample_heads_);
    const ConstMatrixView targets = repeat_rows(x, objective.samples, sample_x_);
    const ConstMatrixView z = latent_.forward(heads, hooks_->noise(heads, noise));
    const ConstMatrixView output = decoder_.forward(z);

    const MatrixView doutput = doutput_.resize(targets.rows, x.cols);
    const MatrixView dmu = dmu_.resize(targets.rows, architecture_.latent);
    const MatrixView dlogvar = dlogvar_.resize(targets.rows, architecture_.latent);
    if (objective.importance_weighted) return weigh_samples(output, targets, noise);

    const float batch = objective.sum_over_batch ? static_cast<float>(x.rows) : 1.0f;
    const float kl_weight = objective.kl_weight;
    double recon = recon_loss(output, targets, doutput, {.weight = batch});
    double kl = kl_divergence(latent_.mu(), latent_.logvar(), batch * kl_weight, dmu, dlogvar);
    hooks_->losses(recon, kl, doutput, dmu, dlogvar);
    double counted = kl;
    if (objective.free_bits > 0)
        counted = apply_free_bits(latent_.mu(), latent_.logvar(), double(objective.free_bits), dmu,
                                  dlogvar);
    return {.loss = recon + static_cast<double>(kl_weight) * counted, .recon = recon, .kl = kl};
}

// The loss of each sample counts by the share of its weight among those of its image.
LossTerms Vae::weigh_samples(ConstMatrixView output, ConstMatrixView targets,
                             ConstMatrixView noise) {
    const Index k = objective_.samples;
    const float batch = objective_.sum_over_batch ? static_cast<float>(head_.rows) : 1.0f;
    log_weights_.resize(std::size_t(targets.rows));
    shares_.resize(std::size_t(targets.rows));
    const MatrixView doutput = doutput_.resize(targets.rows, targets.cols);
    const double recon =
        recon_loss(output, targets, doutput,
                   {.weight = batch * static_cast<float>(k), .per_image = log_weights_});
    const double bound = importance_weighted_bound(
        {k, log_weights_, latent_.z(), noise, latent_.deviation(), latent_.logvar()}, batch,
        shares_, dmu_.resize(targets.rows, architecture_.latent),
        dlogvar_.resize(targets.rows, architecture_.latent));
    scale_rows(shares_, doutput);
    const double kl = kl_divergence(posterior().mu, posterior().logvar, 0, {}, {});
    return {.loss = bound, .recon = recon, .kl = kl};
}

// The gradient with respect to [mu | logvar] of every image.
ConstMatrixView Vae::head_gradient(ConstMatrixView dz, ConstMatrixView dmu, ConstMatrixView dlogvar,
                                   Hooked hooked) {
    const ConstMatrixView dheads = latent_.backward(dz, dmu, dlogvar);
    const ConstMatrixView dhead = sum_repeated_rows(dheads, objective_.samples, dhead_);
    return hooked == Hooked::yes ? hooks_->head_gradient(dz, dhead) : dhead;
}

// The same with respect to what the encoder returned.
ConstMatrixView Vae::encoder_gradient(ConstMatrixView dhead) {
    return architecture_.log_sigma_head ? double_second_half(dhead, doubled_dhead_) : dhead;
}

void Vae::backward(GradientSink* sink) {
    dz_ = decoder_.backward(doutput_, Write::overwrite, InputGradient::compute, sink);
    const ConstMatrixView dhead = head_gradient(dz_, dmu_, dlogvar_, Hooked::yes);
    encoder_.backward(encoder_gradient(dhead), Write::overwrite, InputGradient::skip, sink);
}

// Zeros take the place of the other part's gradient, from where the two meet.
void Vae::backward_part(LossPart part) {
    std::fill(arena_.gradients().begin(), arena_.gradients().end(), 0.0f);
    const ConstMatrixView zeros = zeros_like(dmu_);
    ConstMatrixView dhead;
    if (part == LossPart::recon) {
        dz_ = decoder_.backward(doutput_, Write::overwrite);
        dhead = head_gradient(dz_, zeros, zeros, Hooked::yes);
    } else {
        dhead = head_gradient(zeros, dmu_, dlogvar_, Hooked::no);
    }
    encoder_.backward(encoder_gradient(dhead), Write::overwrite, InputGradient::skip);
}

Vae::HeadGradients Vae::head_gradients() {
    const ConstMatrixView zeros = zeros_like(dmu_);
    return {copy_to(recon_head_, head_gradient(dz_, zeros, zeros, Hooked::yes)),
            copy_to(kl_head_, head_gradient(zeros, dmu_, dlogvar_, Hooked::no))};
}

std::vector<LayerView> Vae::layers() const {
    std::vector<LayerView> layers;
    const auto add_dense = [&](const std::string& name, Dense& layer, Index first, Index count) {
        layers.push_back({.name = name,
                          .input = layer.input(),
                          .output = layer.output().middle_cols(first, count),
                          .weight = layer.weight().value.middle_cols(first, count),
                          .bias = layer.bias().value.middle_cols(first, count)});
    };
    const Index latent = architecture_.latent;
    for (std::size_t i = 0; i < hidden_.size(); ++i)
        add_dense("encoder." + std::to_string(i), *hidden_[i], 0, hidden_[i]->out_features());
    add_dense("mu", *heads_, 0, latent);
    add_dense("logvar", *heads_, latent, latent);
    layers.push_back({.name = "z", .input = latent_.head(), .output = latent_.z()});
    for (std::size_t i = 0; i < mirrored_.size(); ++i)
        add_dense("decoder." + std::to_string(i), *mirrored_[i], 0, mirrored_[i]->out_features());
    return layers;
}

LossTerms Vae::forward(ConstMatrixView x, ConstMatrixView noise, float kl_weight) {
    const ConstMatrixView head = read_head(encoder_.forward(x));
    const ConstMatrixView output = decoder_.forward(latent_.forward(head, noise));
    const double recon = recon_loss(output, x, {});
    const double kl = kl_divergence(latent_.mu(), latent_.logvar(), kl_weight, {}, {});
    return {.loss = recon + static_cast<double>(kl_weight) * kl, .recon = recon, .kl = kl};
}

double Vae::recon_loss(ConstMatrixView output, ConstMatrixView x, MatrixView doutput,
                       const Reduction& reduction) const {
    switch (architecture_.recon_loss) {
        case ReconLoss::bce:
            return bce_with_logits(output, x, doutput, reduction);
        case ReconLoss::bce_probabilities:
            return bce_with_probabilities(output, x, doutput, reduction);
        case ReconLoss::bce_clamped_logs:
            return bce_with_clamped_logs(output, x, doutput, reduction);
        case ReconLoss::mse:
            return mse(output, x, doutput, reduction);
        case ReconLoss::continuous_bernoulli:
            return continuous_bernoulli_nll(output, x, doutput, reduction);
        case ReconLoss::gaussian:
            return gaussian_nll(output, x, architecture_.pixel_variance, doutput, reduction);
    }
    return 0;
}

Vae::Posterior Vae::encode(ConstMatrixView x) {
    read_head(encoder_.forward(x));
    return posterior();
}

Vae::Posterior Vae::posterior() const {
    return {head_.middle_cols(0, architecture_.latent),
            head_.middle_cols(architecture_.latent, architecture_.latent)};
}

Index Vae::count_clamped_logvars() const {
    const ConstMatrixView logvar = posterior().logvar;
    Index count = 0;
    for (Index i = 0; i < logvar.rows; ++i)
        count += std::count_if(logvar.row(i), logvar.row(i) + logvar.cols, [](float l) {
            return !reference::inside(l, reference::kLogvarMin, reference::kLogvarMax);
        });
    return count;
}

ConstMatrixView Vae::decode(ConstMatrixView z) {
    const ConstMatrixView output = decoder_.forward(z);
    const bool is_gaussian = architecture_.recon_loss == ReconLoss::gaussian;
    if (pixel_activation(architecture_.recon_loss) == Activation::linear && !is_gaussian)
        return output;
    const MatrixView pixels = pixels_.resize(output.rows, output.cols);
    if (is_gaussian) {
        for (Index i = 0; i < output.rows; ++i)
            for (Index j = 0; j < output.cols; ++j)
                pixels(i, j) = std::clamp(output(i, j), 0.0f, 1.0f);
        return pixels;
    }
    const OpScope scope(describe_elementwise("sigmoid", output.rows, output.cols, 2, 22));
    const kernels::KernelTable& table = active_kernels();
    for_each_row(output.rows, output.cols, [&](Index i) {
        table.activation_forward(Activation::sigmoid, output.row(i), pixels.row(i), output.cols);
    });
    return pixels;
}

std::vector<NamedTensor> Vae::tensors(std::span<float> flat) {
    // The same place in `flat` that the parameter has among the values.
    const auto window = [&](const Parameter& p) {
        BlockedView view = p.value;
        view.data = flat.data() + (p.value.data - arena_.values().data());
        return view;
    };
    std::vector<NamedTensor> tensors;
    const auto add_layer = [&](const std::string& name, Dense& layer, Index first, Index count) {
        tensors.push_back(
            {name + ".weight", window(layer.weight()).middle_cols(first, count), true});
        tensors.push_back({name + ".bias", window(layer.bias()).middle_cols(first, count), false});
    };
    for (std::size_t i = 0; i < hidden_.size(); ++i)
        add_layer("encoder." + std::to_string(i), *hidden_[i], 0, hidden_[i]->out_features());
    add_layer("mu", *heads_, 0, architecture_.latent);
    add_layer("logvar", *heads_, architecture_.latent, architecture_.latent);
    for (std::size_t i = 0; i < mirrored_.size(); ++i)
        add_layer("decoder." + std::to_string(i), *mirrored_[i], 0, mirrored_[i]->out_features());
    return tensors;
}

void Vae::initialize(Initializer initializer, std::uint64_t seed) {
    const std::vector<NamedTensor> all = tensors(arena_.values());
    for (std::size_t i = 0; i < all.size(); i += 2)
        handgrad::initialize(initializer, seed, static_cast<std::uint32_t>(i), all[i].values,
                             all[i + 1].values);
}

}  // namespace handgrad::apps::mnist_vae
