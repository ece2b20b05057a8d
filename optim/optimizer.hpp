// The contract of every optimiser.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../core/parameter.hpp"

namespace handgrad {

// Changes all parameters of one arena from their gradients, one flat pass. Gradients are read and
// left as they are.
class Optimizer {
  public:
    virtual ~Optimizer() = default;

    // One update. learning_rate is an argument because schedules change it from step to step.
    virtual void step(double learning_rate) = 0;

    // What a checkpoint must hold besides the parameters: the number of steps done, and flat
    // buffers laid out as ParameterArena::values(), by name.
    struct Buffer {
        std::string name;
        std::span<float> values;
    };
    std::int64_t steps() const { return steps_; }
    virtual std::vector<Buffer> state() = 0;
    // Makes the next step() be number steps + 1. The buffers are filled through state().
    virtual void resume_at(std::int64_t steps) { steps_ = steps; }

  protected:
    std::int64_t steps_ = 0;
};

}  // namespace handgrad
