// -log p(x) of a data set by importance sampling: the number by which models are compared.
//
// For every image, K latents are drawn from the encoder's q(z|x), and
//
//   log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x)
//   bound_k = -log of the mean of k of the K weights, averaged over all groups of k
//
// bound_1 is minus the ELBO, with the KL divergence as sampled; bound_K the estimate of -log p(x),
// which on average is never too low, and comes the closer the more samples there are. Burda, Grosse
// and Salakhutdinov 2016, sections 2 and 5.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "../../../core/io/idx.hpp"
#include "vae.hpp"

namespace handgrad::apps::mnist_vae {

// One step of the ladder from minus the ELBO to -log p(x). Nats per image; means over the images.
struct LikelihoodBound {
    Index samples = 1;          // k
    double bound = 0;           // nats
    double standard_error = 0;  // of the mean over the images
    // 1 / sum of the squared shares of the weights: how many of the k samples count. The estimate
    // is the less certain the fewer there are.
    double effective_samples = 1;
};

struct LikelihoodPlan {
    Index samples = 5000;  // K
    std::uint64_t seed = 0;
};

// For k = 1, 10, 100, ... and K. The images (n, pixels) must fit the model; `image_done` is called
// after each with how many are done. The noise of image i and sample k is the stream (seed,
// likelihood_noise, i, k). Throws Error(argument) for samples below 1 or no images.
std::vector<LikelihoodBound> estimate_likelihood(
    Vae& model, const IdxImages& images, const LikelihoodPlan& plan,
    const std::function<void(Index done)>& image_done = [](Index) {});

}  // namespace handgrad::apps::mnist_vae
