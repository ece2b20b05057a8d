// What the library computes and how long it takes, told op by op to whoever listens.
//
// An op reports itself with an OpScope around its work. Nothing is measured while no Profiler is
// set: an op then costs a test of one pointer, and in a build with -Dprofile=disabled not even
// that. Names are string literals, or live as long as the layer does.
#pragma once

#include <cstdint>

#include "export.hpp"
#include "matrix.hpp"

namespace handgrad {

// What takes the place of storing a result: its name, what it computes with each value, and the
// bytes that it moves for it.
struct SinkCost {
    const char* name = "sink";
    double flops_per_value = 0, bytes_per_value = 0;
};

// One call of an op, on all threads that it used.
struct OpCall {
    const char* op = "";     // the function: "gemm_nn", "bce_with_logits"
    Index m = 0, n = 0;      // of the result: rows, columns
    Index k = 0;             // of a product: the length of its chains; 0 otherwise
    double density = 1;      // of a sparse product's operand: the share of non-zeros
    double flops = 0;        // arithmetic operations, an fma being two; 0 if nobody counted them
    double bytes = 0;        // every operand once
    const char* sink = "";   // what took the result instead of memory: "adam"
    const char* layer = "";  // the innermost LayerScope around the call
    const char* phase = "";  // the innermost PhaseScope
    // In nanoseconds of std::chrono::steady_clock.
    std::int64_t begin = 0, end = 0;

    // How long it took.
    double seconds() const { return double(end - begin) * 1e-9; }
};

// The work of one thread for an op.
struct ThreadShare {
    const char* op = "";
    int thread = 0;  // 0 is the one that called the op
    std::int64_t begin = 0, end = 0;
};

// Who listens. Must not throw: it is told by destructors.
class HANDGRAD_API Profiler {
  public:
    virtual ~Profiler() = default;
    // After each op, on the thread that called it. An op that is part of another is not told.
    virtual void op_done(const OpCall& call) = 0;
    // After each part of a parallel loop, on its own thread: several may call at once.
    virtual void share_done(const ThreadShare&) {}
    // At the end of a PhaseScope.
    virtual void phase_done(const char* /*phase*/, std::int64_t /*begin*/, std::int64_t /*end*/) {}
};

// Whether this build can profile.
HANDGRAD_API bool profiling_is_built();

// Who listens; null, as at first, for nobody. Not to be changed while an op runs. Throws
// Error(argument) for a profiler in a build that cannot profile.
HANDGRAD_API void set_profiler(Profiler* profiler);
HANDGRAD_API Profiler* active_profiler();

// Around the work of an op. What `call` does not say is filled in.
class HANDGRAD_API OpScope {
  public:
    // Begins the op; it ends with the scope.
    explicit OpScope(const OpCall& call);
    ~OpScope();
    OpScope(const OpScope&) = delete;
    OpScope& operator=(const OpScope&) = delete;

  private:
    OpCall call_;
    bool told_ = false;
};

// Names the layer whose ops run within.
class HANDGRAD_API LayerScope {
  public:
    // Begins the layer; it ends with the scope.
    explicit LayerScope(const char* layer);
    ~LayerScope();
    LayerScope(const LayerScope&) = delete;
    LayerScope& operator=(const LayerScope&) = delete;

  private:
    const char* outer_;
};

// Names what the program is at: "training step", "validation".
class HANDGRAD_API PhaseScope {
  public:
    // Begins the phase; it ends with the scope.
    explicit PhaseScope(const char* phase);
    ~PhaseScope();
    PhaseScope(const PhaseScope&) = delete;
    PhaseScope& operator=(const PhaseScope&) = delete;

  private:
    const char* outer_;
    std::int64_t begin_ = 0;
};

namespace detail {
// For parallel_for: the op that this thread is in, or null; the same, making it another; the time.
HANDGRAD_API const char* current_op();
HANDGRAD_API const char* exchange_current_op(const char* op);
HANDGRAD_API std::int64_t profile_clock();
}  // namespace detail

}  // namespace handgrad
