#include "trace.hpp"

#include <algorithm>
#include <cstdio>

#include "../../../core/op_text.hpp"

namespace handgrad::apps::mnist_vae {

Trace::Trace(std::size_t most_events) : most_(most_events), start_(detail::profile_clock()) {}

void Trace::op_done(const OpCall& call) {
    if (ops_.size() < most_)
        ops_.push_back(call);
    else
        ++dropped_;
}

void Trace::share_done(const ThreadShare& share) {
    if (share.thread >= kTracks) return;
    std::vector<ThreadShare>& track = shares_[std::size_t(share.thread)];
    if (track.size() < most_)
        track.push_back(share);
    else
        ++dropped_;
}

void Trace::phase_done(const char* phase, std::int64_t begin, std::int64_t end) {
    if (phases_.size() < most_)
        phases_.push_back({phase, begin, end});
    else
        ++dropped_;
}

std::string Trace::to_json() const {
    std::string json = "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n";
    json += R"({"name": "process_name", "ph": "M", "pid": 1, "tid": 0, "args": {"name": )"
            R"("mnist_vae"}})";
    char text[512];
    const auto track = [&](std::size_t thread) {
        std::snprintf(text, sizeof text,
                      ",\n{\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": 1, \"tid\": %zu, "
                      "\"args\": {\"name\": \"thread %zu\"}}",
                      thread, thread);
        json += text;
    };
    // A complete event, up to its arguments.
    const auto event = [&](const std::string& name, const char* category, int thread,
                           std::int64_t begin, std::int64_t end) {
        std::snprintf(text, sizeof text,
                      ",\n{\"name\": \"%s\", \"cat\": \"%s\", \"ph\": \"X\", \"pid\": 1, "
                      "\"tid\": %d, \"ts\": %.3f, \"dur\": %.3f",
                      name.c_str(), category, thread, double(begin - start_) / 1e3,
                      double(end - begin) / 1e3);
        json += text;
    };
    track(0);
    for (const Phase& p : phases_) {
        event(p.name, "phase", 0, p.begin, p.end);
        json += "}";
    }
    for (const OpCall& c : ops_) {
        event(op_name(c), "op", 0, c.begin, c.end);
        const double nanoseconds = std::max(1.0, double(c.end - c.begin));
        std::snprintf(text, sizeof text,
                      ", \"args\": {\"shape\": \"%s\", \"layer\": \"%s\", \"GFLOP/s\": %.1f, "
                      "\"GB/s\": %.1f, \"density\": %.3f}}",
                      op_shape(c).c_str(), c.layer, c.flops / nanoseconds, c.bytes / nanoseconds,
                      c.density);
        json += text;
    }
    for (std::size_t thread = 0; thread < shares_.size(); ++thread) {
        if (thread > 0 && !shares_[thread].empty()) track(thread);
        for (const ThreadShare& s : shares_[thread]) {
            event(s.op, "share", s.thread, s.begin, s.end);
            json += "}";
        }
    }
    return json + "\n]}\n";
}

}  // namespace handgrad::apps::mnist_vae
