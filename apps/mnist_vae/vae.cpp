#include "vae.hpp"

#include <algorithm>

#include "../../core/ops.hpp"
#include "../../core/reference.hpp"
#include "../../losses/bce.hpp"
#include "../../losses/continuous_bernoulli.hpp"
#include "../../losses/gaussian.hpp"
#include "../../losses/kl_divergence.hpp"
#include "../../losses/mse.hpp"

namespace handgrad::mnist_vae {

namespace {

ConstMatrixView copy_to(Matrix& target, ConstMatrixView source) {
    const MatrixView view = target.resize(source.rows, source.cols);
    for (Index i = 0; i < source.rows; ++i) std::copy_n(source.row(i), source.cols, view.row(i));
    return view;
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
    head_ =
        &encoder_.add<Dense>(arena_, "head", width, 2 * architecture.latent, Activation::linear);

    first_ = hidden_.empty() ? head_ : hidden_.front();

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

LossTerms Vae::forward_training(ConstMatrixView x, ConstMatrixView noise, float kl_weight,
                                const SparseBatch* sparse) {
    const MatrixView doutput = doutput_.resize(x.rows, x.cols);
    const MatrixView dmu = dmu_.resize(x.rows, architecture_.latent);
    const MatrixView dlogvar = dlogvar_.resize(x.rows, architecture_.latent);

    first_->expect_sparse(sparse);
    const ConstMatrixView head = encoder_.forward(x);
    const ConstMatrixView z = latent_.forward(head, hooks_->noise(head, noise));
    const ConstMatrixView output = decoder_.forward(z);

    double recon = recon_loss(output, x, doutput);
    double kl = kl_divergence(latent_.mu(), latent_.logvar(), kl_weight, dmu, dlogvar);
    hooks_->losses(recon, kl, doutput, dmu, dlogvar);
    return {.loss = recon + static_cast<double>(kl_weight) * kl, .recon = recon, .kl = kl};
}

void Vae::backward(GradientSink* sink) {
    dz_ = decoder_.backward(doutput_, Write::overwrite, InputGradient::compute, sink);
    const ConstMatrixView dhead = latent_.backward(dz_, dmu_, dlogvar_);
    encoder_.backward(hooks_->head_gradient(dz_, dhead), Write::overwrite, InputGradient::skip,
                      sink);
}

// Zeros take the place of the other part's gradient, from where the two meet.
void Vae::backward_part(LossPart part) {
    std::fill(arena_.gradients().begin(), arena_.gradients().end(), 0.0f);
    const ConstMatrixView zeros = zeros_like(dmu_);
    ConstMatrixView dhead;
    if (part == LossPart::recon) {
        dz_ = decoder_.backward(doutput_, Write::overwrite);
        dhead = hooks_->head_gradient(dz_, latent_.backward(dz_, zeros, zeros));
    } else {
        dhead = latent_.backward(zeros, dmu_, dlogvar_);
    }
    encoder_.backward(dhead, Write::overwrite, InputGradient::skip);
}

Vae::HeadGradients Vae::head_gradients() {
    const ConstMatrixView zeros = zeros_like(dmu_);
    const ConstMatrixView recon = latent_.backward(dz_, zeros, zeros);
    return {copy_to(recon_head_, hooks_->head_gradient(dz_, recon)),
            copy_to(kl_head_, latent_.backward(zeros, dmu_, dlogvar_))};
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
    add_dense("mu", *head_, 0, latent);
    add_dense("logvar", *head_, latent, latent);
    layers.push_back({.name = "z", .input = head_->output(), .output = latent_.z()});
    for (std::size_t i = 0; i < mirrored_.size(); ++i)
        add_dense("decoder." + std::to_string(i), *mirrored_[i], 0, mirrored_[i]->out_features());
    return layers;
}

LossTerms Vae::forward(ConstMatrixView x, ConstMatrixView noise, float kl_weight) {
    const ConstMatrixView output = decoder_.forward(latent_.forward(encoder_.forward(x), noise));
    const double recon = recon_loss(output, x, {});
    const double kl = kl_divergence(latent_.mu(), latent_.logvar(), kl_weight, {}, {});
    return {.loss = recon + static_cast<double>(kl_weight) * kl, .recon = recon, .kl = kl};
}

double Vae::recon_loss(ConstMatrixView output, ConstMatrixView x, MatrixView doutput) const {
    switch (architecture_.recon_loss) {
        case ReconLoss::bce:
            return bce_with_logits(output, x, doutput);
        case ReconLoss::bce_probabilities:
            return bce_with_probabilities(output, x, doutput);
        case ReconLoss::bce_clamped_logs:
            return bce_with_clamped_logs(output, x, doutput);
        case ReconLoss::mse:
            return mse(output, x, doutput);
        case ReconLoss::continuous_bernoulli:
            return continuous_bernoulli_nll(output, x, doutput);
        case ReconLoss::gaussian:
            return gaussian_nll(output, x, architecture_.pixel_variance, doutput);
    }
    return 0;
}

Vae::Posterior Vae::encode(ConstMatrixView x) {
    const ConstMatrixView head = encoder_.forward(x);
    return {head.middle_cols(0, architecture_.latent),
            head.middle_cols(architecture_.latent, architecture_.latent)};
}

Index Vae::count_clamped_logvars() const {
    const ConstMatrixView logvar = latent_.logvar();
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
    add_layer("mu", *head_, 0, architecture_.latent);
    add_layer("logvar", *head_, architecture_.latent, architecture_.latent);
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

}  // namespace handgrad::mnist_vae
