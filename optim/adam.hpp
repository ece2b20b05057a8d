// Adam (Kingma and Ba 2015). For step t = 1, 2, ... and a gradient g, element by element:
//
//   m = m + (g - m) (1 - beta1)               first moment
//   v = v + (g^2 - v) (1 - beta2)             second moment
//
//   keras:  w = w - lr sqrt(1 - beta2^t) / (1 - beta1^t)  m / (sqrt(v) + epsilon)
//   torch:  w = w - lr / (1 - beta1^t)  m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
//
// The two differ in where epsilon stands: Keras adds it to the uncorrected root ("epsilon hat" of
// the paper's section 2), PyTorch to the corrected one. With gradients far above epsilon they
// agree; for nearly dead pixels they do not.
//
// delayed: m and v of step t-1 move w, and take in g only then, as the programs of Burda, Grosse
// and Salakhutdinov 2016 do; with v0 = 1 the first steps are small, and with m0 = 0 the very first
// moves nothing.
//
// The powers of beta are running products, never pow(): the same bits on every machine.
#pragma once

#include "../core/export.hpp"
#include "../core/ops.hpp"
#include "optimizer.hpp"

namespace handgrad {

enum class EpsilonPlacement { keras, torch };

// What is chosen once for a training; the learning rate is not among it.
struct AdamConfig {
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-7;
    EpsilonPlacement placement = EpsilonPlacement::keras;
    double first_v = 0;  // v before the first step
    bool delayed = false;

    // The defaults of the two frameworks: epsilon 1e-7 and 1e-8.
    static AdamConfig keras() { return {}; }
    static AdamConfig torch() { return {.epsilon = 1e-8, .placement = EpsilonPlacement::torch}; }
    // What the authors' program for importance weighted autoencoders does (yburda/iwae), which is
    // not what their paper says (beta1 0.9).
    static AdamConfig iwae() {
        return {.beta1 = 0.99, .epsilon = 1e-4, .first_v = 1, .delayed = true};
    }
};

// Adam over the parameters of an arena.
class HANDGRAD_API Adam : public Optimizer {
  public:
    // The arena must be allocated and outlive the optimiser. Throws Error(argument) unless
    // 0 <= beta < 1, epsilon > 0 and first_v >= 0.
    Adam(ParameterArena& arena, const AdamConfig& config);

    void begin_step(double learning_rate) override;
    void take(Index first, std::span<const float> gradients) override;
    SinkCost cost() const override { return {"adam", 12, 6 * sizeof(float)}; }  // w, m, v and back
    std::vector<Buffer> state() override;
    void resume_at(std::int64_t steps) override;

  private:
    AdamConfig config_;
    Matrix m_, v_;                              // one row each, laid out as the arena
    double beta1_power_ = 1, beta2_power_ = 1;  // beta^t
    kernels::AdamStep scalars_{};               // of the step under way
};

}  // namespace handgrad
