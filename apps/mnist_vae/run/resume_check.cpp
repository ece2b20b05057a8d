#include "resume_check.hpp"

#include <algorithm>
#include <cmath>

#include "../../../core/error.hpp"
#include "../../common/option_values.hpp"
#include "../options/options.hpp"
#include "csv_journal.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

constexpr double kMaxSeconds = 1e10;  // three centuries
// Of a float. No term of a loss is larger, and a weight of the KL divergence is one, too.
constexpr double kLargestSquare = 1.2e77;
// Of a term of a loss, beside terms of about 1.
constexpr double kRounding = 1e-6;

class PositionChecker {
  public:
    PositionChecker(const std::string& path, const Position& position, const TrainingSize& size)
        : path_(path), p_(position), size_(size) {}

    void check_count(std::int64_t steps) const {
        const Index batches = batches_per_epoch();
        require(1 <= p_.epoch && p_.epoch <= kMaxEpochs + 1, "epoch", std::to_string(p_.epoch),
                "1 to " + std::to_string(kMaxEpochs + 1));
        require(0 <= p_.batch && p_.batch <= batches, "batch", std::to_string(p_.batch),
                "0 to " + std::to_string(batches));
        // Both factors are bounded: the largest product has 62 bits.
        const Index expected = (p_.epoch - 1) * batches + p_.batch;
        require(steps == expected, "step", std::to_string(steps),
                std::to_string(expected) + ", as epoch and batch say");
        if (size_.model_epoch)
            require(p_.epoch - 1 <= *size_.model_epoch, "epochs done", std::to_string(p_.epoch - 1),
                    "at most " + std::to_string(*size_.model_epoch) + ", as model.safetensors says");
    }

    void check_sums() const {
        const Index images = std::min(size_.images, p_.batch * size_.plan.batch_size);
        for (const auto& [name, sum] : {std::pair{"loss_sum", p_.loss_sum},
                                        {"recon_sum", p_.recon_sum},
                                        {"kl_sum", p_.kl_sum},
                                        {"seconds", p_.seconds}})
            require(std::isfinite(sum) && (p_.batch > 0 || sum == 0), name, number_text(sum),
                    p_.batch > 0 ? "a finite number" : "0 at the start of an epoch");
        const Index most = images * size_.architecture.latent;
        require(0 <= p_.clamped_logvars && p_.clamped_logvars <= most, "clamped_logvars",
                std::to_string(p_.clamped_logvars), "0 to " + std::to_string(most));
        if (p_.batch == 0) return;
        require(0 < p_.seconds && p_.seconds <= kMaxSeconds, "seconds", number_text(p_.seconds),
                "above 0, at most " + number_text(kMaxSeconds));
        check_losses(double(images));
        const Objective objective = size_.plan.objective_of(p_.epoch);
        const double kl = double(objective.kl_weight) * p_.kl_sum;
        // Every batch adds some roundings of a double; the losses themselves are computed as this.
        const double tolerance =
            1e-9 * (std::abs(p_.loss_sum) + std::abs(p_.recon_sum) + std::abs(kl));
        require(objective.importance_weighted || objective.free_bits > 0 ||
                    std::abs(p_.loss_sum - p_.recon_sum - kl) <= tolerance,
                "loss_sum", number_text(p_.loss_sum), "recon_sum + the weight times kl_sum");
    }

    // Each against the values that it can have for so many images, apart from roundings.
    void check_losses(double images) const {
        const bool kl_may_be_below_0 = size_.plan.objective.importance_weighted ||
                                       size_.plan.mistake == Mistake::kl_sign;
        require_loss("recon_sum", p_.recon_sum, images, is_density());
        require_loss("kl_sum", p_.kl_sum, images, kl_may_be_below_0);
        require(p_.loss_sum != 0 || p_.recon_sum != 0 || p_.kl_sum != 0, "loss_sum", "0",
                "a loss");
    }

    void check_best() const {
        const Index done = p_.epoch - 1;
        const bool none =
            p_.best_epoch == 0 && std::isinf(p_.best_val_loss) && p_.best_val_loss > 0;
        if (done == 0 && none) return;
        require(1 <= p_.best_epoch && p_.best_epoch <= done, "best_epoch",
                std::to_string(p_.best_epoch), done == 0 ? "0" : "1 to " + std::to_string(done));
        require(std::isfinite(p_.best_val_loss), "best_val_loss", number_text(p_.best_val_loss),
                "a finite number");
        require_loss("best_val_loss", p_.best_val_loss, 1, is_density());
    }

    void check_log(const std::vector<EpochMetrics>& log) const {
        const Index done = p_.epoch - 1;
        // As it is written in the log.
        double best = 0;
        parse_csv_number(csv_number(p_.best_val_loss), best);
        Index last = 0;
        for (const EpochMetrics& row : log) {
            if (row.epoch > done) break;
            last = row.epoch;
            const std::string name = "log.csv's epoch " + std::to_string(row.epoch);
            const Index step = row.epoch * batches_per_epoch();
            require(row.step == step, name + ", step", std::to_string(row.step),
                    std::to_string(step));
            require(row.epoch == p_.best_epoch ? row.val_loss == best : row.val_loss >= best,
                    "best_val_loss", csv_number(best),
                    csv_number(row.val_loss) + " in epoch " + std::to_string(row.epoch) +
                        ", as log.csv says");
        }
        require(last == done || log.empty() || log.front().epoch > done, "epochs done",
                std::to_string(done), std::to_string(last) + ", where log.csv ends");
    }

  private:
    Index batches_per_epoch() const {
        return (size_.images + size_.plan.batch_size - 1) / size_.plan.batch_size;
    }

    // Whether the reconstruction loss is minus the logarithm of a density, which may be below 0.
    bool is_density() const {
        const ReconLoss loss = size_.architecture.recon_loss;
        return loss == ReconLoss::gaussian || loss == ReconLoss::continuous_bernoulli;
    }

    void require_loss(const std::string& name, double value, double images,
                      bool may_be_below_0) const {
        const Architecture& a = size_.architecture;
        const double terms = images * double(a.pixels() + a.latent);
        const double most = kLargestSquare * terms;
        const double least = may_be_below_0 ? -most : -kRounding * terms;
        require(least <= value && value <= most, name, number_text(value),
                number_text(least) + " to " + number_text(most));
    }

    void require(bool holds, const std::string& field, const std::string& found,
                 const std::string& expected) const {
        if (!holds)
            throw Error(ErrorKind::input, path_, "a position that no training has: " + field, found,
                        expected);
    }

    const std::string& path_;
    const Position& p_;
    const TrainingSize& size_;
};

}  // namespace

void check_position(const std::string& path, const Position& position, std::int64_t steps,
                    const TrainingSize& size, const std::vector<EpochMetrics>& log) {
    const PositionChecker checker(path, position, size);
    checker.check_count(steps);
    checker.check_sums();
    checker.check_best();
    checker.check_log(log);
}

}  // namespace handgrad::apps::mnist_vae
