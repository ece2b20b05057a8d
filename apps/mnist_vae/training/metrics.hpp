// What the trainer reports and the display, the log and the pictures show.
#pragma once

#include <vector>

#include "../../../core/matrix.hpp"
#include "../model/latent_ledger.hpp"

namespace handgrad::apps::mnist_vae {

// After an epoch. Losses in nats per image; loss = recon + beta kl. The training losses are means
// over the batches as they went, the model changing under them; val_* are of the model at the end.
struct EpochMetrics {
    Index epoch = 0;  // counted from 1
    Index step = 0;   // optimiser updates so far
    double loss = 0, recon = 0, kl = 0;
    double val_loss = 0, val_recon = 0, val_kl = 0;
    double lr = 0;  // of the last step
    // Of training alone, without validation and pictures.
    double seconds = 0;
    double images_per_second = 0;
    std::vector<LatentStatistics> latents{};  // over the validation images
    Index active_units = 0;                   // of them
    Index clamped_logvars = 0;                // that training met, counted per image and latent
};

// After a batch: means over the epoch so far.
struct BatchProgress {
    Index epoch = 0, epochs = 0;   // counted from 1
    Index batch = 0, batches = 0;  // done, and in an epoch
    double loss = 0, recon = 0, kl = 0;
    double images_per_second = 0;
    double seconds = 0;  // of training in this epoch
};

}  // namespace handgrad::apps::mnist_vae
