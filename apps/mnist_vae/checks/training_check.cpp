#include "training_check.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "../../../core/random.hpp"
#include "../../../core/reference_vae.hpp"
#include "../../../optim/sgd.hpp"
#include "../run/recipe.hpp"
#include "image_choice.hpp"
#include "loss_terms.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

using Tensor = reference::Tensor<double>;

// Training as it is written down: every step from the definitions.
class ReferenceTraining {
  public:
    ReferenceTraining(const TrainOptions& options, Vae& start)
        : options_(options),
          config_(reference_config(start.architecture(), plan_of(options).objective_of(1))),
          model_(reference_of(start, config_)) {
        for (const Tensor& p : model_.parameters())
            for (auto* moments : {&first_, &second_}) moments->emplace_back(p.rows, p.cols);
        for (Tensor& v : second_)
            std::fill(v.data.begin(), v.data.end(), adam_config(options.adam).first_v);
    }

    // The loss before the update, and the size of its terms.
    struct Loss {
        double value, size;
    };
    Loss step(ConstMatrixView x, ConstMatrixView noise, double rate) {
        const Tensor images = reference::to_tensor(x), drawn = reference::to_tensor(noise);
        const auto losses = model_.forward(images, drawn);
        const double size = size_of_loss_terms(config_, model_, images, drawn);
        model_.backward();
        std::vector<Tensor> gradients = model_.gradients();
        clip(gradients);
        ++steps_;
        const AdamConfig config = adam_config(options_.adam);
        const bool keras = config.placement == EpsilonPlacement::keras;
        const reference::AdamConfig adam{.learning_rate = rate,
                                         .beta1 = config.beta1,
                                         .beta2 = config.beta2,
                                         .epsilon = config.epsilon,
                                         .placement = keras ? reference::EpsilonPlacement::keras
                                                            : reference::EpsilonPlacement::torch,
                                         .delayed = config.delayed};
        for (std::size_t p = 0; p < gradients.size(); ++p) {
            Tensor& w = model_.parameters()[p];
            if (options_.optimizer == OptimizerKind::sgd)
                reference::sgd_step(rate, SgdConfig{}.momentum, gradients[p], w, first_[p]);
            else
                reference::adam_step(adam, steps_, gradients[p], w, first_[p], second_[p]);
        }
        return {losses.loss, size};
    }

    const std::vector<Tensor>& parameters() const { return model_.parameters(); }

  private:
    void clip(std::vector<Tensor>& gradients) const {
        double squares = 0;
        for (const Tensor& g : gradients)
            for (const double value : g.data) squares += value * value;
        const double norm = std::sqrt(squares);
        if (options_.clip_norm == 0 || norm <= options_.clip_norm) return;
        for (Tensor& g : gradients)
            for (double& value : g.data) value *= options_.clip_norm / norm;
    }

    const TrainOptions& options_;
    reference::VaeConfig config_;
    reference::Vae<double> model_;
    std::vector<Tensor> first_, second_;
    int steps_ = 0;
};

// How far the weights of float have gone from `start`, beside those of the reference.
void compare_ways(Vae& model, const std::vector<Tensor>& start, const std::vector<Tensor>& right,
                  TrainingCheck& check) {
    const std::vector<NamedTensor> tensors = model.tensors(model.arena().values());
    check.tensors = Index(tensors.size());
    for (std::size_t p = 0; p < tensors.size(); ++p) {
        const Tensor got = reference::to_tensor(tensors[p].values);
        double way = 0, difference = 0, size = 0;
        for (std::size_t i = 0; i < got.data.size(); ++i) {
            const double step = right[p].data[i] - start[p].data[i];
            way += step * step;
            difference += (got.data[i] - right[p].data[i]) * (got.data[i] - right[p].data[i]);
            size += right[p].data[i] * right[p].data[i];
        }
        // Every step rounds every weight, by half a unit in the last place at most; what is below
        // the normal numbers may be 0.
        const double count = double(got.data.size());
        const double rounding =
            double(check.steps) * (0x1p-24 * std::sqrt(size) + 0x1p-126 * std::sqrt(count));
        way = std::sqrt(way);
        if (!(rounding <= kWayTolerance / 2 * way) || way == 0) continue;
        ++check.measured_tensors;
        const double error = std::sqrt(difference) / way;
        if (!(error <= check.worst_way_error))
            check.worst_way_error = std::isnan(error) ? INFINITY : error;
    }
}

}  // namespace

bool TrainingCheck::losses_passed() const {
    return steps > 0 && worst_loss_error <= kTrainingTolerance;
}

bool TrainingCheck::ways_passed() const { return worst_way_error <= kWayTolerance; }

TrainingCheck check_training(const TrainOptions& options, const IdxImages& images, Index steps) {
    constexpr Index kMostImages = 128;
    TrainingPlan plan = plan_of(options);
    plan.batch_size = std::min({plan.batch_size, kMostImages, images.count});

    Vae model(architecture_of(options, images));
    initialize(model, options, images);
    const auto hooks = make_hooks(options.mistake);
    model.set_hooks(*hooks);
    ReferenceTraining reference(options, model);
    const std::vector<Tensor> start = reference.parameters();
    const auto optimizer = make_optimizer(options, model.arena());
    Trainer trainer(model, *optimizer, plan, images, images);

    std::vector<double> losses;
    Position before = trainer.position;
    TrainerEvents events;
    events.interrupted = [&] { return Index(losses.size()) == steps; };
    IdxImages drawn = images;
    if (plan.draw_pixels)
        binarize(Binarization::drawn_anew, {plan.seed, Purpose::binarization, 1}, images, drawn);
    Batches batches(drawn, plan.batch_size);
    events.batch_done = [&](const BatchProgress&) {
        const Position& now = trainer.position;
        const double n = double(batches.samples(now.batch - 1).size());
        losses.push_back((now.loss_sum - before.loss_sum) / n);
        before = now;
    };
    // Steps that a small data set does not have are not waited for.
    steps = std::min(steps, trainer.batches_per_epoch());
    trainer.run(events);

    TrainingCheck check;
    if (plan.shuffle) batches.start_epoch(plan.seed, 1);
    const Index total = plan.epochs * trainer.batches_per_epoch();
    Matrix x, drawn_noise, noise;
    for (Index k = 0; k < steps; ++k) {
        const auto samples = batches.samples(k);
        batches.load(k, x.resize(Index(samples.size()), model.architecture().pixels()));
        const Index n = Index(samples.size());
        fill_noise(plan.seed, Purpose::training_noise, 1, samples,
                   drawn_noise.resize(n, options.samples * options.latent));
        split_samples(drawn_noise, noise.resize(n * options.samples, options.latent));
        const auto want = reference.step(
            x, noise,
            scheduled_rate(plan.schedule, plan.lr, k, total, trainer.batches_per_epoch()));
        const double got = losses[std::size_t(k)];
        const double error = got == want.value ? 0 : std::abs(got - want.value) / want.size;
        if (!(error <= check.worst_loss_error))
            check.worst_loss_error = std::isnan(error) ? INFINITY : error;
        ++check.steps;
    }
    compare_ways(model, start, reference.parameters(), check);
    return check;
}

}  // namespace handgrad::apps::mnist_vae
