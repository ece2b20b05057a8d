#include "trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "../../../core/error.hpp"
#include "../../../core/io/sha256.hpp"
#include "../../../core/parallel.hpp"
#include "../../../core/profile.hpp"
#include "../../../core/random.hpp"
#include "../../../core/sparse_gemm.hpp"
#include "../../../optim/clip.hpp"
#include "../../common/binarization.hpp"
#include "../model/numeric_check.hpp"

namespace handgrad::apps::mnist_vae {

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
                 const IdxImages& validation, Communicator& ranks)
    : model_(model),
      optimizer_(optimizer),
      plan_(plan),
      given_(train),
      drawn_(plan.draw_pixels ? train : IdxImages{}),
      train_(plan.draw_pixels ? drawn_ : given_),
      batches_(train_, plan.batch_size),
      validation_(model, validation),
      ranks_(ranks) {
    check_image_size("train", model.architecture(), train);
    list_non_zeros();
    if (plan.shards > 1 || ranks.size() > 1) sharded_.emplace(model.arena(), plan.shards, ranks);
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
    while (!is_done()) {
        start_epoch();
        while (position.batch < batches_per_epoch()) {
            train_batch(events);
            events.batch_done(progress());
            if (any_rank(ranks_, events.interrupted())) return Outcome::interrupted;
        }
        const EpochMetrics metrics = finish_epoch();
        events.epoch_done(metrics, position.best_epoch == metrics.epoch);
        const bool interrupted = any_rank(ranks_, events.interrupted());
        if (interrupted && !is_done()) return Outcome::interrupted;
    }
    return position.epoch > plan_.epochs ? Outcome::finished : Outcome::stopped_early;
}

// All samples of an image are one stream, the first of them what it would be alone.
void Trainer::draw_noise(std::span<const std::uint32_t> samples) {
    const Index n = static_cast<Index>(samples.size()), latent = model_.architecture().latent;
    const Index k = plan_.objective.samples;
    const MatrixView noise = noise_.resize(n * k, latent);
    const MatrixView drawn = k == 1 ? noise : drawn_noise_.resize(n, k * latent);
    const auto fill = [&](std::span<const std::uint32_t> of, MatrixView rows) {
        fill_noise(plan_.seed, Purpose::training_noise, static_cast<std::uint32_t>(position.epoch),
                   of, rows);
    };
    fill(samples, drawn);
    if (plan_.mistake == Mistake::shared_noise) {
        // That of the batch's first image, also where these are but a shard of it.
        fill(batches_.samples(position.batch).first(1), drawn.middle_rows(0, 1));
        share_noise(drawn);
    }
    if (k > 1) split_samples(drawn, noise);
}

void Trainer::train_batch(const TrainerEvents& events) {
    const PhaseScope phase(kTrainingStep);
    const auto start = std::chrono::steady_clock::now();

    const std::span<const std::uint32_t> samples = batches_.samples(position.batch);
    const LossSums sums = sharded_ ? train_in_shards(samples) : train_whole(samples);
    if (events.backward_done) events.backward_done(Index(optimizer_.steps()));

    position.loss_sum += sums.loss;
    position.recon_sum += sums.recon;
    position.kl_sum += sums.kl;
    position.clamped_logvars += sums.clamped_logvars;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    position.seconds += seconds;
    training_seconds_ += seconds;
    ++position.batch;
}

LossSums Trainer::train_whole(std::span<const std::uint32_t> samples) {
    const LossSums sums = forward(samples, plan_.objective_of(position.epoch));
    if (plan_.check_numerics) check_forward(model_, where());
    check_loss(sums);
    if (plan_.fuse && plan_.clip_norm == 0 && !plan_.check_numerics) {
        optimizer_.begin_step(learning_rate(optimizer_.steps()));
        model_.backward(&optimizer_);
    } else {
        // Clipping needs the norm of the whole gradient first, and a check all of it.
        model_.backward();
        if (plan_.check_numerics) check_gradients(model_, where());
        update();
    }
    return sums;
}

// Each shard's gradient is that of a sum, so that one factor makes the mean over the whole batch.
LossSums Trainer::train_in_shards(std::span<const std::uint32_t> samples) {
    const Index n = static_cast<Index>(samples.size());
    Objective objective = plan_.objective_of(position.epoch);
    const float factor = objective.sum_over_batch ? 1.0f : 1.0f / static_cast<float>(n);
    objective.sum_over_batch = true;
    const auto compute = [&](Index shard) -> LossSums {
        const Range images = cut(n, plan_.shards, shard);
        if (images.count() == 0) {
            std::fill(model_.arena().gradients().begin(), model_.arena().gradients().end(), 0.0f);
            return {};
        }
        const LossSums sums = forward(
            samples.subspan(std::size_t(images.first), std::size_t(images.count())), objective);
        const auto place = [&] { return where() + ", shard " + std::to_string(shard + 1); };
        if (plan_.check_numerics) check_forward(model_, place());
        model_.backward();
        if (plan_.check_numerics) check_gradients(model_, place());
        return sums;
    };
    const LossSums sums = sharded_->add_up(factor, std::ref(compute));  // a copy would allocate
    check_loss(sums);
    update();
    return sums;
}

// Loads the images of these samples and draws their noise.
LossSums Trainer::forward(std::span<const std::uint32_t> samples, const Objective& objective) {
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
        batches_.load(samples, x);
        draw_noise(samples);
    }
    const LossTerms terms = model_.forward_training(x, noise_, objective, sparse);
    return {.loss = terms.loss * double(n),
            .recon = terms.recon * double(n),
            .kl = terms.kl * double(n),
            .clamped_logvars = model_.count_clamped_logvars()};
}

std::string Trainer::where() const {
    return "epoch " + std::to_string(position.epoch) + ", batch " +
           std::to_string(position.batch + 1);
}

void Trainer::check_loss(const LossSums& sums) const {
    if (std::isfinite(sums.loss)) return;
    const double n = double(batches_.samples(position.batch).size());
    throw Error(ErrorKind::numeric, where(), "the loss is not finite",
                "recon " + std::to_string(sums.recon / n) + ", kl " + std::to_string(sums.kl / n),
                "finite numbers; a smaller --lr or --clip-norm may help, --check-numerics says "
                "where it begins");
}

// From the arena's gradients.
void Trainer::update() {
    if (plan_.clip_norm > 0) clip_global_norm(model_.arena(), plan_.clip_norm);
    optimizer_.step(learning_rate(optimizer_.steps()));
    if (plan_.check_numerics) check_update(model_, optimizer_, where());
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

// On the first rank, for all: the others have nothing better to do, and it is short.
LossTerms Trainer::validate(LatentLedger& ledger) {
    const PhaseScope phase("validation");
    // Fresh noise for every validation, drawn from nothing but the seed and the epoch.
    const NoiseSource noise{plan_.seed, Purpose::validation_noise,
                            static_cast<std::uint32_t>(position.epoch)};
    LossTerms terms;
    if (ranks_.rank() == 0)
        terms = validation_.evaluate(
            plan_.validate_on_mu || plan_.mistake == Mistake::test_on_mean ? nullptr : &noise,
            plan_.objective.kl_weight, &ledger);
    ranks_.broadcast(bytes_of(terms));
    return terms;
}

// Nothing but a defect makes them differ: of memory, or programs that are not the same.
void Trainer::check_ranks() const {
    if (ranks_.size() == 1) return;
    const std::string own = sha256_hex(std::as_bytes(model_.arena().values()));
    std::string first = own;
    ranks_.broadcast(bytes_of(std::span<char>(first)));
    if (any_rank(ranks_, first != own))
        throw Error(ErrorKind::mismatch, "epoch " + std::to_string(position.epoch),
                    "the ranks' weights differ", "",
                    "equal bits; machines without AVX2 cannot train together with others");
}

EpochMetrics Trainer::finish_epoch() {
    check_ranks();
    const BatchProgress train = progress();
    LatentLedger ledger(model_.architecture().latent);
    const LossTerms validation = validate(ledger);
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

TimeSpent Trainer::time_spent() const {
    return {.training = training_seconds_,
            .communication = sharded_ ? sharded_->communication_seconds() : 0};
}

bool Trainer::patience_is_over() const {
    const Index last_epoch = position.epoch - 1;
    return plan_.patience > 0 && position.batch == 0 &&
           last_epoch - position.best_epoch >= plan_.patience;
}

}  // namespace handgrad::apps::mnist_vae
