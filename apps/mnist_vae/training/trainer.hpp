// The training loop: epochs of shuffled mini-batches, validation after each. Prints and writes
// nothing; what happens is told through callbacks.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "../../../core/communicator.hpp"
#include "../../../optim/optimizer.hpp"
#include "../../../optim/schedule.hpp"
#include "../../common/batches.hpp"
#include "../model/evaluation.hpp"
#include "../model/mistakes.hpp"
#include "../model/vae.hpp"
#include "metrics.hpp"
#include "shards.hpp"

namespace handgrad::apps::mnist_vae {

// The phase, for profilers, of everything that is done for a batch.
inline constexpr const char* kTrainingStep = "training step";

struct TrainingPlan {
    Index epochs = 50;
    Index batch_size = 128;
    double lr = 1e-3;
    Schedule schedule = Schedule::constant;
    double clip_norm = 0;  // 0: gradients are not clipped
    Objective objective{};
    Index kl_warmup = 0;          // epochs over which kl_weight rises from 0, in equal steps
    bool validate_on_mu = false;  // with z = mu, not sampled

    // Of an epoch, counted from 1.
    Objective objective_of(Index epoch) const;
    std::uint64_t seed = 0;
    bool shuffle = true;  // the images anew for every epoch; otherwise in the order of the file
    // Draw black and white pixels from grey images anew for every epoch.
    bool draw_pixels = false;
    bool sparsity = true;  // skip the zeros of the images where that pays; changes no bit
    bool fuse = true;      // update each weight as its gradient is computed; changes no bit
    // Look at every number of a step and name the first that is not finite; turns `fuse` off.
    bool check_numerics = false;
    Mistake mistake = Mistake::none;  // of those that are made in training's own steps
    Index patience = 0;  // stop after so many epochs without a lower val_loss; 0: never
    Index shards = 1;    // of every batch (shards.hpp)
};

// drawn (n, k latent), a stream for each image, to noise (n k, latent), a row for each sample.
// Throws Error(argument) for other shapes.
void split_samples(ConstMatrixView drawn, MatrixView noise);

// Where training stands between two batches. With the parameters and the optimiser's state this is
// everything that decides how it goes on.
struct Position {
    Index epoch = 1;  // under way, counted from 1; plan.epochs + 1 when all are done
    Index batch = 0;  // batches of it that are done
    double loss_sum = 0, recon_sum = 0, kl_sum = 0;  // over the images of those batches
    Index clamped_logvars = 0;                       // met in them
    double seconds = 0;                              // spent on them, training alone
    double best_val_loss = std::numeric_limits<double>::infinity();
    Index best_epoch = 0;
};

enum class Outcome { finished, stopped_early, interrupted };

// Of this process and so far.
struct TimeSpent {
    double training = 0;  // seconds, without validation and pictures
    // Of them, waiting for other ranks included. Nothing without other ranks.
    double communication = 0;
};

struct TrainerEvents {
    // Asked after every batch; true ends training there, between two batches.
    std::function<bool()> interrupted = [] { return false; };
    // After every backward pass, if set: the model's head_gradients() are those of the step with
    // this number, counted from 1; with shards, those of the last of them.
    std::function<void(Index step)> backward_done;
    std::function<void(const BatchProgress&)> batch_done = [](const BatchProgress&) {};
    // After validation; the position is that of the next epoch's start already.
    std::function<void(const EpochMetrics&, bool best)> epoch_done = [](const EpochMetrics&, bool) {
    };
};

// With several ranks, each has a trainer, a model and an optimiser of its own, all equal at first,
// and equal again after every batch. The first rank alone validates.
class Trainer {
  public:
    // All references must outlive the trainer. Throws Error(argument) if the images do not fit the
    // model, the batch size exceeds the number of training images, or there are more ranks than
    // shards.
    Trainer(Vae& model, Optimizer& optimizer, const TrainingPlan& plan, const IdxImages& train,
            const IdxImages& validation, Communicator& ranks = one_rank());

    // Read it to save it; set it (with the parameters and the optimiser) to resume.
    Position position;

    Index batches_per_epoch() const { return batches_.batches_per_epoch(); }

    // Whether nothing is left to train: all epochs are done, or patience is over.
    bool is_done() const { return position.epoch > plan_.epochs || patience_is_over(); }

    // Trains from the position on. Throws Error(numeric) at the first batch whose loss is not
    // finite, before the parameters are touched by it; with check_numerics at the first number. All
    // ranks call it; it returns the same or throws the same Error on each. If one is interrupted,
    // all are. Throws Error(mismatch) after an epoch that leaves ranks with different weights.
    Outcome run(const TrainerEvents& events);

    TimeSpent time_spent() const;

  private:
    void start_epoch();
    void list_non_zeros();
    void draw_noise(std::span<const std::uint32_t> samples);
    void train_batch(const TrainerEvents& events);
    LossSums train_whole(std::span<const std::uint32_t> samples);
    LossSums train_in_shards(std::span<const std::uint32_t> samples);
    LossSums forward(std::span<const std::uint32_t> samples, const Objective& objective);
    void update();
    void check_loss(const LossSums& sums) const;
    std::string where() const;  // "epoch 1, batch 2"
    LossTerms validate(LatentLedger& ledger);
    void check_ranks() const;
    EpochMetrics finish_epoch();
    double learning_rate(std::int64_t step) const;  // of step number `step`, counted from 0
    Index images_done() const;
    BatchProgress progress() const;
    bool patience_is_over() const;

    Vae& model_;
    Optimizer& optimizer_;
    TrainingPlan plan_;
    const IdxImages& given_;  // the training images as they are
    IdxImages drawn_;         // in black and white; empty unless plan_.draw_pixels
    const IdxImages& train_;  // one of the two
    Batches batches_;
    Evaluator validation_;
    Communicator& ranks_;
    std::optional<ShardedGradient> sharded_;  // if there are several shards
    double training_seconds_ = 0;
    Matrix x_, noise_;
    Matrix drawn_noise_;          // with all samples of an image in one row
    SparseImages sparse_images_;  // of train_, if the batches are to be sparse
    SparseBatch sparse_;
};

}  // namespace handgrad::apps::mnist_vae
