#include "trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "../../core/error.hpp"
#include "../../core/parallel.hpp"
#include "../../core/profile.hpp"
#include "../../core/random.hpp"
#include "../../core/sparse_gemm.hpp"
#include "../../optim/clip.hpp"
#include "binarization.hpp"
#include "numeric_check.hpp"

namespace handgrad::mnist_vae {

void split_samples(ConstMatrixView drawn, MatrixView noise) {
    const Index k = drawn.cols / noise.cols;
    check_shape("split_samples", noise, drawn.rows * k, noise.cols);
    for (Index row = 0; row < noise.rows; ++row)
        std::copy_n(drawn.row(row / k) + row % k * noise.cols, noise.cols, noise.row(row));
}

Objective TrainingPlan::objective_of(Index epoch) const {
    Objective warm = objective;
    if (epoch < kl_warmup) warm.kl_weight *= static_cast<float>(double(epoch) / double(kl_warmup));
    return warm;
}

Trainer::Trainer(Vae& model, Optimizer& optimizer, const TrainingPlan& plan, const IdxImages& train,
                 const IdxImages& validation)
    : model_(model),
      optimizer_(optimizer),
      plan_(plan),
      given_(train),
      drawn_(plan.draw_pixels ? train : IdxImages{}),
      train_(plan.draw_pixels ? drawn_ : given_),
      batches_(train_, plan.batch_size),
      validation_(model, validation) {
    check_image_size("train", model.architecture(), train);
    list_non_zeros();
}

// If the batches are to be sparse. Whether they pay is asked of the images as they were given, so
// that it is the same for every epoch.
void Trainer::list_non_zeros() {
    const Index features = model_.architecture().pixels();
    const auto zeros = std::count(given_.pixels.begin(), given_.pixels.end(), 0);
    const double density = 1 - double(zeros) / double(given_.pixels.size());
    if (plan_.sparsity && sparse_gemm_pays(density) &&
        std::max(features, plan_.batch_size) <= kMaxSparseSize)
        sparse_images_ = SparseImages(train_.pixels, features);
}

void Trainer::start_epoch() {
    const auto epoch = static_cast<std::uint32_t>(position.epoch);
    if (plan_.shuffle) batches_.start_epoch(plan_.seed, epoch);
    if (!plan_.draw_pixels) return;
    binarize(Binarization::drawn_anew, {plan_.seed, Purpose::binarization, epoch}, given_, drawn_);
    list_non_zeros();
}

Outcome Trainer::run(const TrainerEvents& events) {
    while (position.epoch <= plan_.epochs) {
        if (patience_is_over()) return Outcome::stopped_early;
        start_epoch();
        while (position.batch < batches_per_epoch()) {
            train_batch(events);
            events.batch_done(progress());
            if (events.interrupted()) return Outcome::interrupted;
        }
        const EpochMetrics metrics = finish_epoch();
        events.epoch_done(metrics, position.best_epoch == metrics.epoch);
        if (events.interrupted()) return Outcome::interrupted;
    }
    return Outcome::finished;
}

// All samples of an image are one stream, the first of them what it would be alone.
void Trainer::draw_noise(std::span<const std::uint32_t> samples) {
    const Index n = static_cast<Index>(samples.size()), latent = model_.architecture().latent;
    const Index k = plan_.objective.samples;
    const MatrixView noise = noise_.resize(n * k, latent);
    const MatrixView drawn = k == 1 ? noise : drawn_noise_.resize(n, k * latent);
    fill_noise(plan_.seed, Purpose::training_noise, static_cast<std::uint32_t>(position.epoch),
               samples, drawn);
    if (plan_.mistake == Mistake::shared_noise) share_noise(drawn);
    if (k > 1) split_samples(drawn, noise);
}

void Trainer::train_batch(const TrainerEvents& events) {
    const PhaseScope phase(kTrainingStep);
    const auto start = std::chrono::steady_clock::now();

    const std::span<const std::uint32_t> samples = batches_.samples(position.batch);
    const Index n = static_cast<Index>(samples.size());
    const MatrixView x = x_.resize(n, model_.architecture().pixels());
    const SparseBatch* sparse = nullptr;
    if (sparse_images_.features() > 0) {
        sparse_.x.gather(sparse_images_, samples);
        const OpScope scope({.op = "prepare_batch", .m = n, .n = x.cols});
        parallel_invoke([&] { sparse_.transposed.assign_transpose(sparse_.x); },
                        [&] {
                            // Cheaper than to fetch the images a second time.
                            sparse_.x.expand(x);
                            draw_noise(samples);
                        });
        sparse = &sparse_;
    } else {
        batches_.load(position.batch, x);
        draw_noise(samples);
    }

    const LossTerms terms =
        model_.forward_training(x, noise_, plan_.objective_of(position.epoch), sparse);
    const auto where = [&] {
        return "epoch " + std::to_string(position.epoch) + ", batch " +
               std::to_string(position.batch + 1);
    };
    if (plan_.check_numerics) check_forward(model_, where());
    if (!std::isfinite(terms.loss))
        throw Error(ErrorKind::numeric, where(), "the loss is not finite",
                    "recon " + std::to_string(terms.recon) + ", kl " + std::to_string(terms.kl),
                    "finite numbers; a smaller --lr or --clip-norm may help, --check-numerics "
                    "says where it begins");
    const double rate = learning_rate(optimizer_.steps());
    if (plan_.fuse && plan_.clip_norm == 0 && !plan_.check_numerics) {
        optimizer_.begin_step(rate);
        model_.backward(&optimizer_);
    } else {
        // Clipping needs the norm of the whole gradient first, and a check all of it.
        model_.backward();
        if (plan_.check_numerics) check_gradients(model_, where());
        if (plan_.clip_norm > 0) clip_global_norm(model_.arena(), plan_.clip_norm);
        optimizer_.step(rate);
        if (plan_.check_numerics) check_update(model_, optimizer_, where());
    }
    if (events.backward_done) events.backward_done(Index(optimizer_.steps()));

    position.loss_sum += terms.loss * double(n);
    position.recon_sum += terms.recon * double(n);
    position.kl_sum += terms.kl * double(n);
    position.clamped_logvars += model_.count_clamped_logvars();
    position.seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++position.batch;
}

double Trainer::learning_rate(std::int64_t step) const {
    return scheduled_rate(plan_.schedule, plan_.lr, step, plan_.epochs * batches_per_epoch(),
                          batches_per_epoch());
}

Index Trainer::images_done() const {
    return std::min(train_.count, position.batch * plan_.batch_size);
}

BatchProgress Trainer::progress() const {
    const double images = double(images_done());
    const double recon = position.recon_sum / images, kl = position.kl_sum / images;
    return {.epoch = position.epoch,
            .epochs = plan_.epochs,
            .batch = position.batch,
            .batches = batches_per_epoch(),
            .loss = position.loss_sum / images,
            .recon = recon,
            .kl = kl,
            .images_per_second = images / position.seconds,
            .seconds = position.seconds};
}

EpochMetrics Trainer::finish_epoch() {
    const BatchProgress train = progress();
    const PhaseScope phase("validation");
    // Fresh noise for every validation, drawn from nothing but the seed and the epoch.
    const NoiseSource noise{plan_.seed, Purpose::validation_noise,
                            static_cast<std::uint32_t>(position.epoch)};
    LatentLedger ledger(model_.architecture().latent);
    const LossTerms validation = validation_.evaluate(
        plan_.validate_on_mu || plan_.mistake == Mistake::test_on_mean ? nullptr : &noise,
        plan_.objective.kl_weight, &ledger);
    EpochMetrics metrics{.epoch = position.epoch,
                         .step = static_cast<Index>(optimizer_.steps()),
                         .loss = train.loss,
                         .recon = train.recon,
                         .kl = train.kl,
                         .val_loss = validation.loss,
                         .val_recon = validation.recon,
                         .val_kl = validation.kl,
                         .lr = learning_rate(optimizer_.steps() - 1),
                         .seconds = position.seconds,
                         .images_per_second = train.images_per_second,
                         .latents = ledger.statistics(),
                         .clamped_logvars = position.clamped_logvars};
    metrics.active_units = count_active(metrics.latents);
    if (validation.loss < position.best_val_loss) {
        position.best_val_loss = validation.loss;
        position.best_epoch = position.epoch;
    }
    position = {.epoch = position.epoch + 1,
                .best_val_loss = position.best_val_loss,
                .best_epoch = position.best_epoch};
    return metrics;
}

bool Trainer::patience_is_over() const {
    const Index last_epoch = position.epoch - 1;
    return plan_.patience > 0 && position.batch == 0 &&
           last_epoch - position.best_epoch >= plan_.patience;
}

}  // namespace handgrad::mnist_vae
