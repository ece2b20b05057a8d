// The model: a dense variational autoencoder, and its loss with all gradients.
//
//   head   = encoder(x)              x (n, pixels) in [0, 1]; head (n, 2 latent) = [mu | logvar]
//   z      = mu + exp(logvar / 2) noise
//   output = decoder(z)              logits, or probabilities (see ReconLoss); (n, pixels)
//   loss   = recon(output, x) + kl_weight kl(mu, logvar)        nats per image: minus the ELBO
//
// or another objective (below), with several z for an image: then all from z on has n k rows.
// The decoder mirrors the encoder's hidden widths. Kingma and Welling 2014, appendix C.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../../../core/parameter.hpp"
#include "../../../layers/dense.hpp"
#include "../../../layers/gaussian_latent.hpp"
#include "../../../layers/initializers.hpp"
#include "../../../layers/sequential.hpp"
#include "../../../losses/reduction.hpp"

namespace handgrad::apps::mnist_vae {

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
    // In training the encoder returns log sigma = logvar / 2, of which optimisers make something
    // else. Everybody else sees logvar: files, and all functions of Vae.
    bool log_sigma_head = false;

    Index pixels() const { return image_rows * image_cols; }
    // "784-512-2-512-784"
    std::string widths() const;
    bool operator==(const Architecture&) const = default;
};

// What training descends on, apart from the reconstruction loss.
struct Objective {
    float kl_weight = 1;
    float free_bits = 0;  // nats below which a latent's kl costs no more (losses/free_bits.hpp)
    Index samples = 1;    // of z for each image
    // losses/importance_weighted.hpp, without kl_weight and free_bits.
    bool importance_weighted = false;
    bool sum_over_batch = false;  // gradients of the sum over the images, not of their mean
};

// Means over the images of a batch (or of a data set); loss = recon + kl_weight kl, or what the
// objective makes of them.
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

    // Training goes through these from now on; returns what it went through before. They must
    // outlive the model.
    StepHooks& set_hooks(StepHooks& hooks) { return *std::exchange(hooks_, &hooks); }

    // The loss of a mini-batch x (n, pixels) with noise (n samples, latent), ready for backward().
    // Sample s of image i has row i samples + s. If x is mostly zero, `sparse` may be its
    // non-zeros: the result is the same, to the bit.
    LossTerms forward_training(ConstMatrixView x, ConstMatrixView noise, const Objective& objective,
                               const SparseBatch* sparse = nullptr);

    // The gradient of the last forward_training() with respect to every parameter: overwritten in
    // the arena or, with a sink, sent there instead.
    void backward(GradientSink* sink = nullptr);

    // The same of one part of the loss alone, in the arena, for those who want to see the parts. Of
    // the importance weighted bound, recon is what comes through the decoder, kl all else.
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
    Posterior posterior() const;
    Index count_clamped_logvars() const;

    // Pixel intensities in [0, 1], (n, pixels), for latents z (n, latent): the probability that a
    // pixel is white; of the continuous Bernoulli distribution its parameter, of the Gaussian the
    // mean, cut off at 0 and 1. Valid likewise.
    ConstMatrixView decode(ConstMatrixView z);

    // Windows on `flat`, a buffer laid out as arena().values(): the values themselves, or an
    // optimiser's state. The two heads are one product in memory and two tensors here.
    std::vector<NamedTensor> tensors(std::span<float> flat);

    // What the decoder returns for latents z (n, latent), (n, pixels). Valid likewise.
    ConstMatrixView decoder_output(ConstMatrixView z) { return decoder_.forward(z); }

    // The loss of x (n, pixels), image by image, for output (n, pixels) of the decoder. The
    // gradient is not computed if it is an empty view.
    double recon_loss(ConstMatrixView output, ConstMatrixView x, MatrixView doutput,
                      const Reduction& reduction = {}) const;

  private:
    ConstMatrixView zeros_like(ConstMatrixView m);
    ConstMatrixView read_head(ConstMatrixView encoded);
    LossTerms weigh_samples(ConstMatrixView output, ConstMatrixView x, ConstMatrixView noise);
    enum class Hooked { yes, no };
    ConstMatrixView head_gradient(ConstMatrixView dz, ConstMatrixView dmu, ConstMatrixView dlogvar,
                                  Hooked hooked);
    ConstMatrixView encoder_gradient(ConstMatrixView dhead);

    Architecture architecture_;
    ParameterArena arena_;
    Sequential encoder_;  // hidden layers and, as its last, both heads
    GaussianLatent latent_;
    Sequential decoder_;
    std::vector<Dense*> hidden_, mirrored_;  // the layers of the two stacks, input side first
    Dense *heads_ = nullptr, *first_ = nullptr;
    StepHooks* hooks_;
    Objective objective_;   // of the last forward_training
    ConstMatrixView head_;  // (n, 2 latent) = [mu | logvar] of the last forward
    ConstMatrixView dz_;    // of the last backward
    Matrix doutput_, dmu_, dlogvar_, pixels_;
    Matrix doubled_head_, doubled_dhead_;     // if log_sigma_head
    Matrix sample_heads_, sample_x_, dhead_;  // if there are several samples
    std::vector<double> log_weights_;         // of each sample
    std::vector<float> shares_;
    Matrix zeros_, recon_head_, kl_head_;  // for looking inside
};

}  // namespace handgrad::apps::mnist_vae
