// The contract of every optimiser.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../core/export.hpp"
#include "../core/parameter.hpp"

namespace handgrad {

// Changes all parameters of one arena from their gradients. Either
//
//   backward(...);  optimizer.step(rate);            one flat pass over the arena's gradients
//
// or, with the same bits and less traffic, each gradient as it is computed:
//
//   optimizer.begin_step(rate);  backward(..., &optimizer);
class HANDGRAD_API Optimizer : public GradientSink {
  public:
    // The arena must outlive the optimiser.
    explicit Optimizer(ParameterArena& arena) : arena_(arena) {}

    // One update. learning_rate is an argument because schedules change it from step to step.
    void step(double learning_rate);

    // Begins an update whose gradients come through take(), each part of the arena once.
    virtual void begin_step(double learning_rate) = 0;
    void take(Index first, std::span<const float> gradients) override = 0;

    // What a checkpoint must hold besides the parameters: the number of steps done, and flat
    // buffers laid out as ParameterArena::values(), by name.
    struct Buffer {
        std::string name;
        std::span<float> values;
    };
    // The two parts of it.
    std::int64_t steps() const { return steps_; }
    virtual std::vector<Buffer> state() = 0;
    // Makes the next step() be number steps + 1. The buffers are filled through state(). Throws
    // Error(argument) for a negative number.
    virtual void resume_at(std::int64_t steps);

  protected:
    ParameterArena& arena_;
    std::int64_t steps_ = 0;
};

}  // namespace handgrad
