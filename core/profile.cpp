#include "profile.hpp"

#include <chrono>
#include <utility>

#include "error.hpp"

namespace handgrad {

std::int64_t detail::profile_clock() {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

#if HANDGRAD_PROFILE

static Profiler* g_profiler = nullptr;
static thread_local const char *t_op = nullptr, *t_layer = "", *t_phase = "";

bool profiling_is_built() { return true; }
void set_profiler(Profiler* profiler) { g_profiler = profiler; }
Profiler* active_profiler() { return g_profiler; }
const char* detail::current_op() { return t_op; }
const char* detail::exchange_current_op(const char* op) { return std::exchange(t_op, op); }

OpScope::OpScope(const OpCall& call) {
    if (g_profiler == nullptr || t_op != nullptr) return;
    told_ = true;
    call_ = call;
    call_.layer = t_layer;
    call_.phase = t_phase;
    t_op = call.op;
    call_.begin = detail::profile_clock();
}

OpScope::~OpScope() {
    if (!told_) return;
    call_.end = detail::profile_clock();
    t_op = nullptr;
    if (g_profiler != nullptr) g_profiler->op_done(call_);
}

LayerScope::LayerScope(const char* layer) : outer_(t_layer) { t_layer = layer; }
LayerScope::~LayerScope() { t_layer = outer_; }

PhaseScope::PhaseScope(const char* phase) : outer_(t_phase) {
    t_phase = phase;
    begin_ = detail::profile_clock();
}

PhaseScope::~PhaseScope() {
    if (g_profiler != nullptr) g_profiler->phase_done(t_phase, begin_, detail::profile_clock());
    t_phase = outer_;
}

#else

bool profiling_is_built() { return false; }
void set_profiler(Profiler* profiler) {
    if (profiler != nullptr)
        throw Error(ErrorKind::argument, "set_profiler", "this build cannot profile", "",
                    "one with -Dprofile=enabled");
}
Profiler* active_profiler() { return nullptr; }
const char* detail::current_op() { return nullptr; }
const char* detail::exchange_current_op(const char*) { return nullptr; }

OpScope::OpScope(const OpCall&) {}
OpScope::~OpScope() = default;
LayerScope::LayerScope(const char*) : outer_(nullptr) {}
LayerScope::~LayerScope() = default;
PhaseScope::PhaseScope(const char*) : outer_(nullptr) {}
PhaseScope::~PhaseScope() = default;

#endif

}  // namespace handgrad
