// `--trace FILE`: when every thread did what, in Chrome's trace-event format, which Perfetto and
// chrome://tracing show.
//
// One track per thread. On the first, phases (training step, validation, ...) contain ops, and ops
// the thread's share of a parallel loop; the other threads show their shares alone, so that gaps
// are waiting. Sizes, rates and the layer are in the arguments of an op.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "../../../core/profile.hpp"

namespace handgrad::apps::mnist_vae {

class Trace : public Profiler {
  public:
    // Keeps at most this many events a thread; later ones are counted.
    explicit Trace(std::size_t most_events = std::size_t{1} << 18);

    void op_done(const OpCall& call) override;
    void share_done(const ThreadShare& share) override;
    void phase_done(const char* phase, std::int64_t begin, std::int64_t end) override;

    std::size_t dropped() const { return dropped_; }

    // The whole file; {"traceEvents": [...]}, times in microseconds since the trace began.
    std::string to_json() const;

  private:
    // Threads beyond have no track.
    static constexpr int kTracks = 64;

    std::size_t most_;
    std::int64_t start_;
    std::vector<OpCall> ops_;
    struct Phase {
        const char* name;
        std::int64_t begin, end;
    };
    std::vector<Phase> phases_;
    std::array<std::vector<ThreadShare>, kTracks> shares_;
    std::atomic<std::size_t> dropped_ = 0;
};

}  // namespace handgrad::apps::mnist_vae
