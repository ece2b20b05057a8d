// Several profilers at once: a table, a trace and lines of text may all be wanted of one run.
#pragma once

#include "../../../core/profile.hpp"

namespace handgrad::apps::mnist_vae {

// The profiler is told of every op as long as this lives. Throws Error(argument) in a build that
// cannot profile.
class Listening {
  public:
    explicit Listening(Profiler& profiler);
    ~Listening();
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;

  private:
    Profiler& profiler_;
};

}  // namespace handgrad::apps::mnist_vae
