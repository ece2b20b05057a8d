// One image's way through the model, forward and back, with everything on the way.
#pragma once

#include <string>
#include <vector>

#include "slope.hpp"
#include "subject.hpp"

namespace handgrad::apps::mnist_vae::lesson {

// The parameter tensors of Model::parameters(), a weight and then a bias of each layer.
enum TensorNumber : std::size_t {
    kEncoderWeight,
    kEncoderBias,
    kMuWeight,
    kMuBias,
    kLogvarWeight,
    kLogvarBias,
    kHiddenWeight,
    kHiddenBias,
    kOutputWeight,
    kOutputBias,
    kTensorCount
};
inline constexpr const char* kTensorNames[] = {
    "encoder.0.weight", "encoder.0.bias",   "mu.weight",      "mu.bias",          "logvar.weight",
    "logvar.bias",      "decoder.0.weight", "decoder.0.bias", "decoder.1.weight", "decoder.1.bias"};

struct Walk {
    Parts losses;
    // Forward: the hidden layer of the encoder, the latent, the hidden layer of the decoder, the
    // logits, and sigmoid of them.
    Tensor h, mu, logvar, sigma, z, d, a, p;
    // Backward, of every tensor: the loss, and its part kl. A bias has the gradient at its layer.
    std::vector<Tensor> gradients, kl_gradients;

    double gradient(std::size_t tensor, std::size_t e) const { return gradients[tensor][e]; }
    double kl(std::size_t tensor, std::size_t e) const { return kl_gradients[tensor][e]; }
    double recon(std::size_t tensor, std::size_t e) const {
        return gradient(tensor, e) - kl(tensor, e);
    }
    // dz: all that recon has to say at mu.
    double dz(Index j) const { return recon(kMuBias, std::size_t(j)); }
};

Walk walk(const Subject& subject, const Tensor& x, const Tensor& noise);

// Of its largest absolute value.
std::size_t largest(const Tensor& t);
double norm(const Tensor& t);
Index count_positive(const Tensor& t);
// "decoder.1.weight[17, 403]", "mu.bias[0]"
std::string element_name(const Walk& w, std::size_t tensor, std::size_t e);

}  // namespace handgrad::apps::mnist_vae::lesson
