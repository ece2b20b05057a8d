// What the encoder does with each latent dimension, over a whole data set.
#pragma once

#include <vector>

#include "../../../core/matrix.hpp"

namespace handgrad::apps::mnist_vae {

// Of one latent dimension; means over the images x of the data set.
struct LatentStatistics {
    double kl = 0;  // of q(z|x) from N(0, 1), nats per image
    double mu_mean = 0, mu_variance = 0;
    double mean_variance = 0;  // of sigma^2

    // Whether mu tells images apart at all: a latent that the decoder ignores ends with mu = 0 for
    // every image. The threshold is that of Burda, Grosse and Salakhutdinov 2016, section 5.2.
    bool is_active() const { return mu_variance > 0.01; }

    // Of the aggregate posterior, the mixture of all q(z|x), which should be near N(0, 1) if
    // samples are to look like the data.
    double posterior_mean() const { return mu_mean; }
    double posterior_variance() const { return mu_variance + mean_variance; }
};

// Adds up mini-batches.
class LatentLedger {
  public:
    explicit LatentLedger(Index latent) : sums_(std::size_t(latent)) {}

    // mu, logvar (n, latent).
    void add(ConstMatrixView mu, ConstMatrixView logvar);

    std::vector<LatentStatistics> statistics() const;

  private:
    struct Sums {
        double kl = 0, mu = 0, mu_squared = 0, variance = 0;
    };
    std::vector<Sums> sums_;
    Index images_ = 0;
};

// How many have mu_variance above the threshold.
Index count_active(const std::vector<LatentStatistics>& latents);

}  // namespace handgrad::apps::mnist_vae
