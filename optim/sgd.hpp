// Stochastic gradient descent with momentum, in Keras' form:
//
//   velocity = momentum velocity - lr g
//   w        = w + velocity
//
// momentum 0 is plain gradient descent.
#pragma once

#include "optimizer.hpp"

namespace handgrad {

struct SgdConfig {
    double momentum = 0.9;
};

class Sgd : public Optimizer {
  public:
    // The arena must be allocated and outlive the optimiser. Throws Error(argument) unless
    // 0 <= momentum < 1.
    Sgd(ParameterArena& arena, const SgdConfig& config);

    void step(double learning_rate) override;
    std::vector<Buffer> state() override;

  private:
    ParameterArena& arena_;
    SgdConfig config_;
    Matrix velocity_;  // one row, laid out as the arena
};

}  // namespace handgrad
