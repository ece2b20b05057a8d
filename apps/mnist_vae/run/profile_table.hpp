// `--profile`: where the time of the training steps went, op by op and layer by layer.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "../../../core/profile.hpp"

namespace handgrad::apps::mnist_vae {

class ProfileTable : public Profiler {
  public:
    void op_done(const OpCall& call) override;
    void phase_done(const char* phase, std::int64_t begin, std::int64_t end) override;

    // The table. Rates are compared with `peak` operations per second, which `machine` names.
    std::string format(double peak, const std::string& machine) const;

  private:
    double step_seconds() const;  // of all training steps

    struct Sums {
        Index calls = 0;
        double seconds = 0, flops = 0, bytes = 0;
        OpCall largest;  // whose shape stands for all
        void add(const OpCall& call);
        void add(const Sums& other);  // but for the shape
    };
    struct Phase {
        Index count = 0;
        double seconds = 0;
    };
    // By op, sink and layer; names are compared as texts.
    using Key = std::tuple<std::string_view, std::string_view, std::string_view>;

    std::map<Key, Sums> ops_;
    std::map<std::string_view, Phase> phases_;
};

}  // namespace handgrad::apps::mnist_vae
