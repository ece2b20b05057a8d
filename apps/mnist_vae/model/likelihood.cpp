#include "likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>

#include "../../../core/error.hpp"
#include "../../../core/random.hpp"
#include "../../../layers/gaussian_latent.hpp"
#include "../../../losses/importance_weighted.hpp"
#include "evaluation.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

// Rows of a product that is large enough for the decoder to run at full speed, and whose results
// stay in the cache.
constexpr Index kRows = 500;

// The one row of m, so many times.
ConstMatrixView repeat(ConstMatrixView m, Index row, Index times) {
    return {m.row(row), times, m.cols, 0};
}

// log w of many samples for one image after another.
class Sampler {
  public:
    Sampler(Vae& model, const LikelihoodPlan& plan) : model_(model), plan_(plan) {}

    // Overwrites log_weights with those of image `index`, x (1, pixels).
    void sample(Index index, ConstMatrixView x, std::span<double> log_weights) {
        // encode() ends with the next use of the model.
        const Vae::Posterior q = model_.encode(x);
        const Index latent = q.mu.cols;
        copy_row(q.mu, mu_), copy_row(q.logvar, logvar_);
        std::vector<std::uint32_t>& numbers = numbers_;
        for (Index first = 0; first < plan_.samples; first += kRows) {
            const Index n = std::min(kRows, plan_.samples - first);
            numbers.resize(std::size_t(n));
            std::iota(numbers.begin(), numbers.end(), std::uint32_t(first));
            const MatrixView noise = noise_.resize(n, latent);
            fill_noise(plan_.seed, Purpose::likelihood_noise, std::uint32_t(index), numbers, noise);
            const MatrixView z = z_.resize(n, latent), deviation = deviation_.resize(n, latent);
            const ConstMatrixView logvar = repeat(logvar_, 0, n);
            reparameterize(repeat(mu_, 0, n), logvar, noise, deviation, z);
            const std::span<double> part = log_weights.subspan(std::size_t(first), std::size_t(n));
            model_.recon_loss(model_.decoder_output(z), repeat(x, 0, n), {}, {.per_image = part});
            find_log_weights({n, part, z, noise, deviation, logvar});
        }
    }

  private:
    static void copy_row(ConstMatrixView source, Matrix& target) {
        std::copy_n(source.row(0), source.cols, target.resize(1, source.cols).row(0));
    }

    Vae& model_;
    LikelihoodPlan plan_;
    std::vector<std::uint32_t> numbers_;
    Matrix mu_, logvar_, noise_, deviation_, z_;
};

// What k weights say together.
struct Group {
    double bound, effective_samples;
};
Group evaluate_group(std::span<const double> log_weights) {
    const double highest = *std::max_element(log_weights.begin(), log_weights.end());
    double sum = 0, squares = 0;
    for (const double l : log_weights) {
        const double w = std::exp(l - highest);
        sum += w;
        squares += w * w;
    }
    return {-(highest + std::log(sum / double(log_weights.size()))), sum * sum / squares};
}

// Mean and variance as numbers come, without their sum of squares, which would cancel. Welford
// 1962.
struct RunningMoments {
    double count = 0, mean = 0, squares = 0;
    void add(double value) {
        ++count;
        const double difference = value - mean;
        mean += difference / count;
        squares += difference * (value - mean);
    }
    double standard_error() const {
        return count < 2 ? 0 : std::sqrt(squares / (count - 1) / count);
    }
};

}  // namespace

std::vector<LikelihoodBound> estimate_likelihood(Vae& model, const IdxImages& images,
                                                 const LikelihoodPlan& plan,
                                                 const std::function<void(Index)>& image_done) {
    check_image_size("evaluate", model.architecture(), images);
    if (plan.samples < 1 || images.count == 0)
        throw Error(ErrorKind::argument, "estimate_likelihood", "nothing to sample",
                    std::to_string(plan.samples) + " samples of " + std::to_string(images.count) +
                        " images",
                    "at least one of each");
    std::vector<Index> sizes;  // of a group
    for (Index k = 1; k < plan.samples; k *= 10) sizes.push_back(k);
    sizes.push_back(plan.samples);

    std::vector<RunningMoments> bounds(sizes.size()), effective(sizes.size());
    std::vector<double> log_weights(std::size_t(plan.samples));
    Sampler sampler(model, plan);
    Matrix x(1, model.architecture().pixels());
    for (Index i = 0; i < images.count; ++i) {
        load_images(images, i, x);
        sampler.sample(i, x, log_weights);
        for (std::size_t s = 0; s < sizes.size(); ++s) {
            const std::size_t k = std::size_t(sizes[s]), groups = log_weights.size() / k;
            double bound = 0, count = 0;
            for (std::size_t g = 0; g < groups; ++g) {
                const Group group = evaluate_group(std::span(log_weights).subspan(g * k, k));
                bound += group.bound / double(groups);
                count += group.effective_samples / double(groups);
            }
            bounds[s].add(bound);
            effective[s].add(count);
        }
        image_done(i + 1);
    }

    std::vector<LikelihoodBound> ladder;
    for (std::size_t s = 0; s < sizes.size(); ++s)
        ladder.push_back({.samples = sizes[s],
                          .bound = bounds[s].mean,
                          .standard_error = bounds[s].standard_error(),
                          .effective_samples = effective[s].mean});
    return ladder;
}

}  // namespace handgrad::apps::mnist_vae
