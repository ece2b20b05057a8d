#include "profile_table.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "../../../core/op_text.hpp"
#include "../training/trainer.hpp"

namespace handgrad::apps::mnist_vae {

void ProfileTable::Sums::add(const OpCall& call) {
    ++calls;
    seconds += call.seconds();
    flops += call.flops;
    bytes += call.bytes;
    const auto size = [](const OpCall& c) { return c.m * c.n * std::max<Index>(1, c.k); };
    if (size(call) >= size(largest)) largest = call;
}

void ProfileTable::Sums::add(const Sums& other) {
    calls += other.calls;
    seconds += other.seconds;
    flops += other.flops;
    bytes += other.bytes;
}

void ProfileTable::op_done(const OpCall& call) {
    if (std::string_view(call.phase) == kTrainingStep)
        ops_[{call.op, call.sink, call.layer}].add(call);
}

void ProfileTable::phase_done(const char* phase, std::int64_t begin, std::int64_t end) {
    Phase& p = phases_[phase];
    ++p.count;
    p.seconds += double(end - begin) * 1e-9;
}

double ProfileTable::step_seconds() const {
    const auto step = phases_.find(kTrainingStep);
    return step == phases_.end() ? 0 : step->second.seconds;
}

namespace {

// A rate, or a dash where there is nothing to count.
std::string rate(double amount, double seconds, double unit) {
    if (!(amount > 0 && seconds > 0)) return "-";
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", amount / seconds / unit);
    return text;
}

}  // namespace

std::string ProfileTable::format(double peak, const std::string& machine) const {
    const double total = step_seconds();
    const auto step = phases_.find(kTrainingStep);
    if (step == phases_.end()) return "profile: no training step was done\n";
    char text[256];
    std::snprintf(text, sizeof text,
                  "\nprofile of %td training steps, %.3f ms each; %s, measured peak %.1f GFLOP/s\n",
                  step->second.count, 1e3 * total / double(step->second.count), machine.c_str(),
                  peak / 1e9);
    std::string table = text;

    std::vector<const Sums*> rows;
    std::map<std::string_view, Sums> layers;
    for (const auto& [key, sums] : ops_) {
        rows.push_back(&sums);
        layers[std::get<2>(key)].add(sums);
    }
    const auto row = [&](const std::string& name, const std::string& layer,
                         const std::string& shape, const Sums& s) {
        std::snprintf(text, sizeof text, "%-23s %-10s %-16s %7td %9.1f %6.1f %8s %6s %6s\n",
                      name.c_str(), layer.c_str(), shape.c_str(), s.calls, s.seconds * 1e3,
                      100 * s.seconds / total, rate(s.flops, s.seconds, 1e9).c_str(),
                      rate(s.bytes, s.seconds, 1e9).c_str(),
                      rate(100 * s.flops, s.seconds, peak).c_str());
        table += text;
    };
    std::snprintf(text, sizeof text, "%-23s %-10s %-16s %7s %9s %6s %8s %6s %6s\n", "op", "layer",
                  "shape", "calls", "total ms", "share%", "GFLOP/s", "GB/s", "%peak");
    table += text;
    std::sort(rows.begin(), rows.end(),
              [](const Sums* a, const Sums* b) { return a->seconds > b->seconds; });
    Sums sum;
    for (const Sums* s : rows) {
        const OpCall& call = s->largest;
        std::string shape = op_shape(call);
        if (call.density != 1) {
            std::snprintf(text, sizeof text, " %.0f%%", 100 * call.density);
            shape += text;
        }
        row(op_name(call), call.layer, shape, *s);
        sum.add(*s);
    }
    row("all ops", "", "", sum);

    table += "\nby layer\n";
    for (const auto& [name, sums] : layers)
        row(name.empty() ? "outside the layers" : std::string(name), "", "", sums);

    table += "\noutside the steps:";
    bool any = false;
    for (const auto& [name, phase] : phases_) {
        if (name == kTrainingStep) continue;
        std::snprintf(text, sizeof text, "%s %s %.1f ms", any ? "," : "", std::string(name).c_str(),
                      phase.seconds * 1e3);
        table += text;
        any = true;
    }
    return table + (any ? "\n" : " nothing\n");
}

}  // namespace handgrad::apps::mnist_vae
