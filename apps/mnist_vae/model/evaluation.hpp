// The loss of a model on a whole data set, without gradients.
#pragma once

#include "../../../core/io/idx.hpp"
#include "../../../core/random.hpp"
#include "latent_ledger.hpp"
#include "vae.hpp"

namespace handgrad::apps::mnist_vae {

// Where the noise of z comes from: image i uses the stream (seed, purpose, epoch, i).
struct NoiseSource {
    std::uint64_t seed = 0;
    Purpose purpose = Purpose::validation_noise;
    std::uint32_t epoch = 0;
};

// Means over all images, with z sampled, or with z = mu if there is no noise source.
class Evaluator {
  public:
    // The images must outlive the evaluator. Throws Error(argument) for images of another size
    // than the model's, or none.
    Evaluator(Vae& model, const IdxImages& images);

    // A ledger gets all mu and logvar.
    LossTerms evaluate(const NoiseSource* noise, float kl_weight, LatentLedger* ledger = nullptr);

  private:
    Vae& model_;
    const IdxImages& images_;
    Matrix x_, noise_;
};

// Converts images [first, first + x.rows) to floats, pixel / 255.
void load_images(const IdxImages& images, Index first, MatrixView x);

// Throws Error(argument) naming `where` unless the images are of the architecture's size.
void check_image_size(const char* where, const Architecture& architecture, const IdxImages& images);

}  // namespace handgrad::apps::mnist_vae
