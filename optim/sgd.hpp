// Stochastic gradient descent with momentum, in Keras' form:
//
//   velocity = momentum velocity - lr g
//   w        = w + velocity
//
// momentum 0 is plain gradient descent.
#pragma once

#include "../core/export.hpp"
#include "optimizer.hpp"

namespace handgrad {

// What is chosen once for a training.
struct SgdConfig {
    double momentum = 0.9;
};

// Gradient descent over the parameters of an arena.
class HANDGRAD_API Sgd : public Optimizer {
  public:
    // The arena must be allocated and outlive the optimiser. Throws Error(argument) unless
    // 0 <= momentum < 1.
    Sgd(ParameterArena& arena, const SgdConfig& config);

    void begin_step(double learning_rate) override;
    void take(Index first, std::span<const float> gradients) override;
    SinkCost cost() const override {
        return {"sgd", 4, 4 * sizeof(float)};
    }  // w, velocity and back
    std::vector<Buffer> state() override;

  private:
    SgdConfig config_;
    float rate_ = 0;   // of the step under way
    Matrix velocity_;  // one row, laid out as the arena
};

}  // namespace handgrad
