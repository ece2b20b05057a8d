#include "mistakes.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "../../../core/reference.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

void scale(MatrixView m, float factor) {
    for (Index i = 0; i < m.rows; ++i)
        for (Index j = 0; j < m.cols; ++j) m(i, j) *= factor;
}

struct MeanBce : StepHooks {
    void losses(double& recon, double&, MatrixView doutput, MatrixView, MatrixView) override {
        recon /= double(doutput.cols);
        scale(doutput, 1 / float(doutput.cols));
    }
};

// The KL divergence times a factor: -1, or one over the number of pixels.
struct ScaledKl : StepHooks {
    explicit ScaledKl(bool negative) : negative_(negative) {}
    void losses(double&, double& kl, MatrixView doutput, MatrixView dmu,
                MatrixView dlogvar) override {
        const float factor = negative_ ? -1.0f : 1 / float(doutput.cols);
        kl *= double(factor);
        scale(dmu, factor);
        scale(dlogvar, factor);
    }
    bool negative_;
};

// z = mu + s noise, where s is the head that the KL divergence takes for a logvar.
struct SigmaAsLogvar : StepHooks {
    ConstMatrixView noise(ConstMatrixView head, ConstMatrixView noise) override {
        head_ = head;
        noise_ = noise;
        const Index latent = noise.cols;
        const MatrixView replaced = replaced_.resize(noise.rows, latent);
        for (Index i = 0; i < noise.rows; ++i)
            for (Index j = 0; j < latent; ++j) {
                // What exp(logvar / 2) will make of it is s noise.
                const float s = head(i, latent + j);
                replaced(i, j) = s * noise(i, j) / deviation_of(s);
            }
        return replaced;
    }
    // ds = dz noise, as whoever makes this mistake derives it or has it derived.
    ConstMatrixView head_gradient(ConstMatrixView dz, ConstMatrixView dhead) override {
        const Index latent = dz.cols;
        const MatrixView gradient = gradient_.resize(dhead.rows, dhead.cols);
        for (Index i = 0; i < dhead.rows; ++i)
            for (Index j = 0; j < latent; ++j) {
                const float s = head_(i, latent + j);
                const bool inside =
                    reference::inside(s, reference::kLogvarMin, reference::kLogvarMax);
                const float right = inside ? dz(i, j) * s * noise_(i, j) / 2 : 0;
                gradient(i, j) = dhead(i, j);
                gradient(i, latent + j) = dhead(i, latent + j) - right + dz(i, j) * noise_(i, j);
            }
        return gradient;
    }

  private:
    static float deviation_of(float logvar) {
        return std::exp(reference::clamp(logvar, reference::kLogvarMin, reference::kLogvarMax) / 2);
    }
    ConstMatrixView head_, noise_;
    Matrix replaced_, gradient_;
};

struct NoNoise : StepHooks {
    ConstMatrixView noise(ConstMatrixView, ConstMatrixView noise) override {
        const MatrixView zeros = zeros_.resize(noise.rows, noise.cols);
        scale(zeros, 0);
        return zeros;
    }
    Matrix zeros_;
};

// An optimiser around another one.
class AstrayOptimizer : public Optimizer {
  public:
    AstrayOptimizer(ParameterArena& arena, std::unique_ptr<Optimizer> right)
        : Optimizer(arena), right_(std::move(right)) {}
    void begin_step(double learning_rate) override {
        ++steps_;
        right_->begin_step(learning_rate);
    }
    std::vector<Buffer> state() override { return right_->state(); }
    void resume_at(std::int64_t steps) override {
        steps_ = steps;
        right_->resume_at(steps);
    }

  protected:
    std::unique_ptr<Optimizer> right_;
};

// Each weight is moved by its moments of the step before: the right optimiser runs on a copy of the
// weights with the gradient that comes, and what it makes of it is applied a step late.
class StaleOptimizer : public AstrayOptimizer {
  public:
    StaleOptimizer(ParameterArena& arena, std::unique_ptr<Optimizer> right)
        : AstrayOptimizer(arena, std::move(right)), late_(arena.values().size()) {}
    void take(Index first, std::span<const float> gradients) override {
        const std::span<float> weights =
            arena_.values().subspan(std::size_t(first), gradients.size());
        const std::vector<float> before(weights.begin(), weights.end());
        right_->take(first, gradients);
        for (std::size_t e = 0; e < weights.size(); ++e) {
            const float step = weights[e] - before[e];
            weights[e] = before[e] + std::exchange(late_[std::size_t(first) + e], step);
        }
    }
    std::vector<Buffer> state() override {
        std::vector<Buffer> buffers = right_->state();
        buffers.push_back({"late", late_});
        return buffers;
    }

  private:
    std::vector<float> late_;
};

// Each element of the gradient is cut to +-kLimit: its direction changes.
class ElementClippingOptimizer : public AstrayOptimizer {
  public:
    using AstrayOptimizer::AstrayOptimizer;
    void take(Index first, std::span<const float> gradients) override {
        constexpr float kLimit = 1e-3f;
        std::vector<float> cut(gradients.begin(), gradients.end());
        for (float& g : cut) g = std::clamp(g, -kLimit, kLimit);
        right_->take(first, cut);
    }
};

}  // namespace

MistakeDescription describe(Mistake mistake) {
    switch (mistake) {
        case Mistake::none:
            break;
        case Mistake::mean_bce:
            return {
                "the reconstruction loss is averaged over the pixels, not summed; the KL "
                "divergence counts as if beta were the number of pixels",
                CaughtBy::gradients};
        case Mistake::kl_over_pixels:
            return {"the KL divergence is divided by the number of pixels", CaughtBy::gradients};
        case Mistake::kl_sign:
            return {"the KL divergence is subtracted", CaughtBy::gradients};
        case Mistake::sigma_as_logvar:
            return {"z takes for sigma what the KL divergence takes for logvar",
                    CaughtBy::gradients};
        case Mistake::no_noise:
            return {"z is mu, without noise", CaughtBy::gradients};
        case Mistake::shared_noise:
            return {"all images of a batch get the same noise", CaughtBy::training};
        case Mistake::stale_adam:
            return {"each update uses the moments of the step before", CaughtBy::training};
        case Mistake::clip_grad:
            return {"each element of the gradient is cut to +-0.001, not its norm",
                    CaughtBy::training};
        case Mistake::test_on_mean:
            return {"val_loss is that of z = mu, and looks better than it is",
                    CaughtBy::reference_curve};
    }
    return {"", CaughtBy::gradients};
}

std::string mistake_name(Mistake mistake) {
    return mistake == Mistake::none ? "" : kMistakeNames[static_cast<int>(mistake)];
}

std::string flag_text(Mistake mistake) {
    if (mistake == Mistake::none) return {};
    const MistakeDescription description = describe(mistake);
    constexpr const char* kChecks[] = {
        "check-gradients catches it", "check-gradients catches it in its training row",
        "no gradient check can catch it: evaluate prints another loss than the log has"};
    return "MISTAKE " + mistake_name(mistake) + ", made on purpose: " + description.what + "; " +
           kChecks[static_cast<int>(description.caught_by)];
}

std::string flag_text_of(const std::string& name) {
    for (std::size_t i = 0; i < std::size(kMistakeNames); ++i)
        if (name == kMistakeNames[i]) return flag_text(static_cast<Mistake>(i));
    return name.empty() ? "" : "MISTAKE " + name + ", made on purpose";
}

std::unique_ptr<StepHooks> make_hooks(Mistake mistake) {
    switch (mistake) {
        case Mistake::mean_bce:
            return std::make_unique<MeanBce>();
        case Mistake::kl_over_pixels:
            return std::make_unique<ScaledKl>(false);
        case Mistake::kl_sign:
            return std::make_unique<ScaledKl>(true);
        case Mistake::sigma_as_logvar:
            return std::make_unique<SigmaAsLogvar>();
        case Mistake::no_noise:
            return std::make_unique<NoNoise>();
        default:
            return std::make_unique<StepHooks>();
    }
}

std::unique_ptr<Optimizer> lead_astray(Mistake mistake, std::unique_ptr<Optimizer> right,
                                       ParameterArena& arena) {
    if (mistake == Mistake::stale_adam)
        return std::make_unique<StaleOptimizer>(arena, std::move(right));
    if (mistake == Mistake::clip_grad)
        return std::make_unique<ElementClippingOptimizer>(arena, std::move(right));
    return right;
}

void share_noise(MatrixView noise) {
    for (Index i = 1; i < noise.rows; ++i) std::copy_n(noise.row(0), noise.cols, noise.row(i));
}

}  // namespace handgrad::apps::mnist_vae
