// Trainable parameters, and the one block of memory in which a model keeps all of them.
#pragma once

#include <deque>
#include <span>
#include <string>

#include "export.hpp"
#include "matrix.hpp"
#include "profile.hpp"

namespace handgrad {

// One trainable tensor: its value and the gradient of the loss with respect to it, of equal shape.
// A weight is (in, out), a bias (1, out), both in column blocks (blocked_view.hpp); a bias is thus
// one plain array. The memory belongs to a ParameterArena.
struct Parameter {
    std::string name;
    BlockedView value;
    BlockedView gradient;
    Index offset = 0;  // of both in the arena's flat buffers
};

// Takes gradients as soon as they are computed, while they are in cache: each part of the arena's
// flat buffer once, from any thread. The gradients are then not written to the arena.
class HANDGRAD_API GradientSink {
  public:
    virtual ~GradientSink() = default;
    // The gradients of the values from position `first` of the flat buffer on.
    virtual void take(Index first, std::span<const float> gradients) = 0;
    // What it does with each, for profiles.
    virtual SinkCost cost() const { return {}; }
};

// All parameters of a model in two flat buffers, values and gradients, at the same offsets, so that
// an optimiser is one pass over plain arrays. Usage: register every parameter with add(), then
// call allocate() once. A `Parameter&` returned by add() stays valid as long as the arena lives;
// its views are empty until allocate().
class HANDGRAD_API ParameterArena {
  public:
    ParameterArena() = default;
    ParameterArena(const ParameterArena&) = delete;
    ParameterArena& operator=(const ParameterArena&) = delete;

    // Throws Error(argument) for a size below 1, a name used before, or after allocate().
    Parameter& add(std::string name, Index rows, Index cols);

    // Gives every parameter its memory, all zeros.
    void allocate();

    // In the order of registration.
    std::deque<Parameter>& parameters() { return parameters_; }
    const std::deque<Parameter>& parameters() const { return parameters_; }

    // The flat buffers, padding included. The columns that fill up a last block are zero and stay
    // zero: no gradient is ever written there.
    std::span<float> values() { return {values_.row(0), std::size_t(size_)}; }
    std::span<const float> values() const { return {values_.row(0), std::size_t(size_)}; }
    std::span<float> gradients() { return {gradients_.row(0), std::size_t(size_)}; }
    std::span<const float> gradients() const { return {gradients_.row(0), std::size_t(size_)}; }

    // Number of trainable scalars, without padding.
    Index parameter_count() const;

  private:
    std::deque<Parameter> parameters_;  // a deque, because references into it must stay valid
    Matrix values_, gradients_;         // one row each
    Index size_ = 0;
    bool allocated_ = false;
};

}  // namespace handgrad
