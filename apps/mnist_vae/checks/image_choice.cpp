#include "image_choice.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "../../../core/random.hpp"
#include "../../../core/reference_perturbation.hpp"
#include "../../../core/reference_rounding.hpp"
#include "../model/evaluation.hpp"
#include "../training/trainer.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

using Tensor = reference::Tensor<double>;

// Where an image lies: away from every kink; so near that a difference would step over it, as all
// dark images do if biases are zero; or where the model and its reference decide differently, and
// have different derivatives, both of them right.
enum class Place { smooth, near, apart };

// Whether a probability p and the one that float found are on one side of the kinks of their loss.
// At the upper end, where float has only a few numbers left, different sides do no harm as long as
// p is the target up to rounding: they change dlogit = p - target.
bool decides_alike(ReconLoss loss, double found, double p, double target) {
    constexpr double kHarmless = 8 * reference::kFloatUnit;
    if (p > 0.5 && std::abs(p - target) <= kHarmless) return true;
    if (loss == ReconLoss::bce_probabilities) {
        const double low = reference::kProbabilityClip;
        return reference::inside(found, low, 1 - low) == reference::inside(p, low, 1 - low);
    }
    // Beyond, the gradient of these is another than the derivative, by PyTorch's definition.
    constexpr double kLow = 1e-12;
    return loss != ReconLoss::bce_clamped_logs ||
           (reference::inside(found, kLow, 1 - kLow) && reference::inside(p, kLow, 1 - kLow));
}

Place place_of(const Architecture& architecture, const std::string& layer, double found, double a,
               double y) {
    constexpr double kNear = 1e-6;
    if (layer == "mu") return Place::smooth;
    if (layer == "logvar") {
        const double factor = architecture.log_sigma_head ? 2 : 1;
        const double low = reference::kLogvarMin, high = reference::kLogvarMax;
        return reference::inside(factor * found, low, high) ==
                       reference::inside(factor * y, low, high)
                   ? Place::smooth
                   : Place::apart;
    }
    if (architecture.activation != Activation::relu) return Place::smooth;
    if ((found > 0) != (y > 0)) return Place::apart;
    return std::abs(a) > kNear ? Place::smooth : Place::near;
}

std::vector<Place> places_of(const Architecture& architecture, const std::vector<LayerView>& layers,
                             const Tensor& x, const reference::PerturbedVae<double>& truth) {
    std::vector<Place> places(std::size_t(x.rows), Place::smooth);
    std::size_t l = 0;
    for (const LayerView& layer : layers) {
        if (layer.name == "z") continue;
        const Tensor &a = truth.pre_activations()[l], &y = truth.outputs()[l];
        const bool last = ++l == truth.outputs().size();
        const Index samples = y.rows / x.rows;  // 1 in the encoder
        for (Index n = 0; n < y.rows; ++n) {
            Place& place = places[std::size_t(n / samples)];
            for (Index j = 0; j < y.cols; ++j) {
                const double found = double(layer.output(n, j));
                if (!std::isfinite(found)) continue;  // is no kink, but an error that will show
                if (!last)
                    place = std::max(place,
                                     place_of(architecture, layer.name, found, a(n, j), y(n, j)));
                else if (!decides_alike(architecture.recon_loss, found, y(n, j), x(n / samples, j)))
                    place = Place::apart;
            }
        }
    }
    return places;
}

// The `samples` rows of each of these images.
Matrix select_rows(ConstMatrixView m, const std::vector<Index>& images, Index samples) {
    Matrix selected(Index(images.size()) * samples, m.cols);
    for (Index i = 0; i < selected.rows(); ++i)
        std::copy_n(m.row(images[std::size_t(i / samples)] * samples + i % samples), m.cols,
                    selected.row(i));
    return selected;
}

// Keeps the best of the batches that it considers.
class Chooser {
  public:
    Chooser(Vae& model, const Objective& objective, Index wanted)
        : model_(model),
          objective_(objective),
          config_(reference_config(model.architecture(), objective)),
          truth_(reference_of(model, config_)),
          wanted_(wanted) {}

    ChosenImages best;

    bool is_content() const {
        return score_.silent_tensors == 0 && score_.near == 0 && 2 * score_.missing <= wanted_;
    }

    void consider(const ImageBatch& batch, bool made) {
        // Where the kinks are is asked of the model as it is right: a mistake would move them.
        StepHooks no_hooks;
        StepHooks& hooks = model_.set_hooks(no_hooks);
        model_.forward_training(batch.x, batch.noise, objective_);
        model_.set_hooks(hooks);
        const Tensor x = reference::to_tensor(batch.x), noise = reference::to_tensor(batch.noise);
        const std::vector<Place> places =
            places_of(model_.architecture(), model_.layers(), x, {config_, truth_, x, noise});

        const Index most = std::min(wanted_, batch.x.rows());
        std::vector<Index> chosen;
        Index looked_at = 0;
        const auto take = [&](Place place) {
            for (Index n = 0; n < batch.x.rows() && Index(chosen.size()) < most; ++n) {
                if (places[std::size_t(n)] == place) chosen.push_back(n);
                looked_at = std::max(looked_at, n + 1);
            }
        };
        take(Place::smooth);
        const Index smooth = Index(chosen.size());
        if (2 * smooth < most) take(Place::near);
        const Index taken = Index(chosen.size());
        ChosenImages now{.batch = {select_rows(batch.x, chosen, 1),
                                   select_rows(batch.noise, chosen, objective_.samples)},
                         .skipped = looked_at - taken,
                         .made = made};
        const Score score{count_silent(now.batch), taken - smooth, most - taken};
        if (!is_better(score)) return;
        score_ = score;
        best = std::move(now);
    }

    // Puts images into the batch at which the first layer's units are as far above zero as they can
    // be, some other units at each attempt, and noise that is larger each time: units that are off
    // at all images of the data may be on there.
    void wake(ImageBatch& batch, Index attempt) const {
        const Tensor& w = truth_.parameters().front();
        for (Index n = 0; n < batch.x.rows(); ++n)
            for (Index i = 0; i < batch.x.cols(); ++i)
                batch.x(n, i) = w(i, (attempt * batch.x.rows() + n) % w.cols) > 0 ? 1.0f : 0.0f;
        const float factor = std::ldexp(1.0f, int(attempt));
        for (Index n = 0; n < batch.noise.rows(); ++n)
            for (Index j = 0; j < batch.noise.cols(); ++j) batch.noise(n, j) *= factor;
    }

  private:
    // All of them are better small, the first ones first.
    struct Score {
        Index silent_tensors, near, missing;
    };
    bool is_better(const Score& s) const {
        return std::tie(s.silent_tensors, s.near, s.missing) <
               std::tie(score_.silent_tensors, score_.near, score_.missing);
    }

    // How many tensors get no gradient.
    Index count_silent(const ImageBatch& batch) {
        if (batch.x.rows() == 0) return Index(truth_.parameters().size());
        truth_.forward(reference::to_tensor(batch.x), reference::to_tensor(batch.noise));
        truth_.backward();
        const auto is_zero = [](const Tensor& t) {
            return std::all_of(t.data.begin(), t.data.end(), [](double g) { return g == 0; });
        };
        return std::count_if(truth_.gradients().begin(), truth_.gradients().end(), is_zero);
    }

    Vae& model_;
    Objective objective_;
    reference::VaeConfig config_;
    reference::Vae<double> truth_;
    Index wanted_;
    Score score_{std::numeric_limits<Index>::max(), 0, 0};
};

}  // namespace

Candidates candidates_of(const IdxImages& images, std::uint64_t seed, Index latent, Index samples,
                         Index wanted) {
    const Index count = std::min(4 * wanted, images.count);
    return [&images, seed, latent, samples, count](Index attempt) {
        std::vector<std::uint32_t> numbers(static_cast<std::size_t>(count));
        ImageBatch batch;
        const MatrixView x = batch.x.resize(count, images.rows * images.cols);
        for (Index i = 0; i < count; ++i) {
            const Index image = (attempt * count + i) % images.count;
            numbers[std::size_t(i)] = std::uint32_t(image);
            load_images(images, image, x.middle_rows(i, 1));
        }
        Matrix drawn(count, samples * latent);
        fill_noise(seed, Purpose::training_noise, std::uint32_t(1 + attempt), numbers, drawn);
        split_samples(drawn, batch.noise.resize(count * samples, latent));
        return batch;
    };
}

bool all_equal(const IdxImages& images) {
    const std::ptrdiff_t size = images.rows * images.cols;
    return std::equal(images.pixels.begin() + size, images.pixels.end(), images.pixels.begin());
}

reference::VaeConfig reference_config(const Architecture& a, const Objective& objective) {
    return {.inputs = a.pixels(),
            .hidden = a.hidden,
            .latent = a.latent,
            .activation = a.activation,
            .recon_loss = static_cast<reference::ReconLoss>(a.recon_loss),
            .kl_weight = double(objective.kl_weight),
            .pixel_variance = a.pixel_variance,
            .samples = objective.samples,
            .importance_weighted = objective.importance_weighted,
            .free_bits = double(objective.free_bits),
            .log_sigma_head = a.log_sigma_head,
            .sum_over_batch = objective.sum_over_batch};
}

reference::Vae<double> reference_of(Vae& model, const reference::VaeConfig& config) {
    reference::Vae<double> truth(config);
    const std::vector<NamedTensor> tensors = model.tensors(model.arena().values());
    for (std::size_t p = 0; p < tensors.size(); ++p)
        truth.parameters()[p] = reference::to_tensor(tensors[p].values);
    return truth;
}

ChosenImages choose_images(Vae& model, const Objective& objective, const Candidates& candidates,
                           Index wanted) {
    constexpr Index kAttempts = 8;
    Chooser chooser(model, objective, wanted);
    bool all_alike = true;
    Matrix first;
    for (Index attempt = 0; attempt < kAttempts && !chooser.is_content(); ++attempt) {
        const ImageBatch batch = candidates(attempt);
        if (attempt == 0) first = select_rows(batch.x, {0}, 1);
        for (Index n = 0; n < batch.x.rows(); ++n)
            all_alike =
                all_alike && std::equal(first.row(0), first.row(0) + first.cols(), batch.x.row(n));
        chooser.consider(batch, false);
    }
    // Images that are all alike are the subject of such a model, and are not replaced.
    for (Index attempt = 0; attempt < kAttempts && !chooser.is_content() && !all_alike; ++attempt) {
        ImageBatch batch = candidates(attempt);
        chooser.wake(batch, attempt);
        chooser.consider(batch, true);
    }
    return std::move(chooser.best);
}

}  // namespace handgrad::apps::mnist_vae
