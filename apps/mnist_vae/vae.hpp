// The model: a dense variational autoencoder, and its loss with all gradients.
//
//   head   = encoder(x)              x (n, pixels) in [0, 1]; head (n, 2 latent) = [mu | logvar]
//   z      = mu + exp(logvar / 2) noise
//   output = decoder(z)              logits, or probabilities (see ReconLoss); (n, pixels)
//   loss   = recon(output, x) + kl_weight kl(mu, logvar)        nats per image: minus the ELBO
//
// The decoder mirrors the encoder's hidden widths. Kingma and Welling 2014, appendix C.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../../core/parameter.hpp"
#include "../../layers/dense.hpp"
#include "../../layers/gaussian_latent.hpp"
#include "../../layers/initializers.hpp"
#include "../../layers/sequential.hpp"

namespace handgrad::mnist_vae {

// What the reconstruction is measured by (losses/). bce and continuous_bernoulli take the decoder's
// logits, gaussian its output as the mean; the others take probabilities, so that the decoder ends
// in a sigmoid.
enum class ReconLoss {
    bce,
    bce_probabilities,
    mse,
    bce_clamped_logs,
    continuous_bernoulli,
    gaussian
};

// As options and files spell them, in the order of the enumerations.
inline constexpr const char* kReconLossNames[] = {
    "bce", "bce-probabilities", "mse", "bce-clamped-logs", "continuous-bernoulli", "gaussian"};
inline constexpr const char* kActivationNames[] = {"linear", "relu", "tanh", "sigmoid"};

// What the decoder ends in, and what makes pixels in [0, 1] of its output.
Activation output_activation(ReconLoss loss);
Activation pixel_activation(ReconLoss loss);

struct Architecture {
    Index image_rows = 28, image_cols = 28;
    std::vector<Index> hidden{512};  // of the encoder, input side first
    Index latent = 2;
    Activation activation = Activation::relu;  // of the hidden layers
    ReconLoss recon_loss = ReconLoss::bce;
    double pixel_variance = 0.5;  // of ReconLoss::gaussian

    Index pixels() const { return image_rows * image_cols; }
    // "784-512-2-512-784"
    std::string widths() const;
    bool operator==(const Architecture&) const = default;
};

// Means over the images of a batch (or of a data set); loss = recon + kl_weight kl.
struct LossTerms {
    double loss = 0, recon = 0, kl = 0;
};

// A part of the loss: recon, or kl_weight kl.
enum class LossPart { recon, kl };

// What a layer computed last, for looking inside. z has no weights.
struct LayerView {
    std::string name;  // "encoder.0", "mu", "logvar", "z", "decoder.0", ...
    ConstMatrixView input, output;
    ConstBlockedView weight{}, bias{};
};

// A tensor as files know it. Weights are (in, out) in memory and PyTorch's (out, in) in files.
struct NamedTensor {
    std::string name;  // "encoder.0.weight", "mu.bias", "decoder.1.weight", ...
    BlockedView values;
    bool is_weight;
};

// Where a training step can be led astray, for --mistake (mistakes.hpp). These lead nowhere.
class StepHooks {
  public:
    virtual ~StepHooks() = default;
    // The noise that makes z, for this head (n, 2 latent).
    virtual ConstMatrixView noise(ConstMatrixView /*head*/, ConstMatrixView noise) { return noise; }
    // The two losses and their gradients.
    virtual void losses(double& /*recon*/, double& /*kl*/, MatrixView /*doutput*/,
                        MatrixView /*dmu*/, MatrixView /*dlogvar*/) {}
    // The gradient at the head, of which the path through z came from dz.
    virtual ConstMatrixView head_gradient(ConstMatrixView /*dz*/, ConstMatrixView dhead) {
        return dhead;
    }
};

class Vae {
  public:
    // Throws Error(argument) for an empty layer.
    explicit Vae(const Architecture& architecture);

    const Architecture& architecture() const { return architecture_; }
    ParameterArena& arena() { return arena_; }
    void initialize(Initializer initializer, std::uint64_t seed);

    // Training goes through these from now on. They must outlive the model.
    void set_hooks(StepHooks& hooks) { hooks_ = &hooks; }

    // The loss of a mini-batch x (n, pixels) with noise (n, latent), ready for backward(). If x is
    // mostly zero, `sparse` may be its non-zeros: the result is the same, to the bit.
    LossTerms forward_training(ConstMatrixView x, ConstMatrixView noise, float kl_weight,
                               const SparseBatch* sparse = nullptr);

    // The gradient of the last forward_training() with respect to every parameter: overwritten in
    // the arena or, with a sink, sent there instead.
    void backward(GradientSink* sink = nullptr);

    // The same of one part of the loss alone, in the arena, for those who want to see the parts.
    void backward_part(LossPart part);

    // The two addends of the last backward()'s gradient at the head, each (n, 2 latent) = [dmu |
    // dlogvar]. Valid until the next call of any function here.
    struct HeadGradients {
        ConstMatrixView recon, kl;
    };
    HeadGradients head_gradients();

    // The layers in the order of the last forward. Valid likewise.
    std::vector<LayerView> layers() const;

    // The loss alone.
    LossTerms forward(ConstMatrixView x, ConstMatrixView noise, float kl_weight);

    // mu and logvar of images x. Valid until the next call of any function here.
    struct Posterior {
        ConstMatrixView mu, logvar;
    };
    Posterior encode(ConstMatrixView x);
    // Of the last forward.
    Posterior posterior() const { return {latent_.mu(), latent_.logvar()}; }
    Index count_clamped_logvars() const;

    // Pixel intensities in [0, 1], (n, pixels), for latents z (n, latent): the probability that a
    // pixel is white; of the continuous Bernoulli distribution its parameter, of the Gaussian the
    // mean, cut off at 0 and 1. Valid likewise.
    ConstMatrixView decode(ConstMatrixView z);

    // Windows on `flat`, a buffer laid out as arena().values(): the values themselves, or an
    // optimiser's state. The two heads are one product in memory and two tensors here.
    std::vector<NamedTensor> tensors(std::span<float> flat);

  private:
    ConstMatrixView zeros_like(ConstMatrixView m);
    double recon_loss(ConstMatrixView output, ConstMatrixView x, MatrixView doutput) const;

    Architecture architecture_;
    ParameterArena arena_;
    Sequential encoder_;  // hidden layers and, as its last, both heads
    GaussianLatent latent_;
    Sequential decoder_;
    std::vector<Dense*> hidden_, mirrored_;  // the layers of the two stacks, input side first
    Dense *head_ = nullptr, *first_ = nullptr;
    StepHooks* hooks_;
    ConstMatrixView dz_;  // of the last backward
    Matrix doutput_, dmu_, dlogvar_, pixels_;
    Matrix zeros_, recon_head_, kl_head_;  // for looking inside
};

}  // namespace handgrad::mnist_vae
