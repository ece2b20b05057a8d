#include "step_runs.hpp"

#include <algorithm>

#include "../common/dataset.hpp"
#include "../mnist_vae/training/trainer.hpp"

namespace handgrad::apps::kernel_bench {

namespace {

using namespace mnist_vae;

constexpr Index kBatch = 128;

// Gathers the ops of the steps, in the order of the first.
struct Collector : Profiler {
    void op_done(const OpCall& call) override {
        if (std::string_view(call.phase) == kTrainingStep) calls.push_back(call);
    }
    void phase_done(const char* phase, std::int64_t begin, std::int64_t end) override {
        if (std::string_view(phase) != kTrainingStep) return;
        if (rows.empty()) {
            rows.push_back({"step", 0, 0, {}});
            for (const OpCall& call : calls) {
                const std::string layer =
                    call.layer[0] == '\0' ? "" : std::string("/") + call.layer;
                rows.push_back({op_text(call) + layer, call.flops, call.bytes, {}});
                rows[0].flops += call.flops;
            }
        }
        // Not the smaller batch at the end of an epoch.
        if (calls.size() + 1 == rows.size() && calls[0].m == kBatch) {
            rows[0].seconds.push_back(double(end - begin) * 1e-9);
            for (std::size_t i = 0; i < calls.size(); ++i)
                rows[i + 1].seconds.push_back(calls[i].seconds());
        }
        calls.clear();
    }
    std::vector<OpCall> calls;
    std::vector<OpInStep> rows;
};

}  // namespace

std::vector<OpInStep> run_steps(Isa isa, int threads, Index hidden, Index latent, Index steps) {
    if (!profiling_is_built()) return {};
    static const Dataset dataset = load_dataset(find_data_folder(std::nullopt));
    select_isa(isa);
    set_thread_count(threads);
    Vae model({.image_rows = dataset.train.images.rows,
               .image_cols = dataset.train.images.cols,
               .hidden = {hidden},
               .latent = latent});
    model.initialize(Initializer::glorot, 0);
    Adam adam(model.arena(), AdamConfig::keras());
    Trainer trainer(model, adam, {.batch_size = kBatch}, dataset.train.images, dataset.test.images);
    constexpr Index kWarmUp = 20;
    Index done = 0;
    Collector collector;
    TrainerEvents events;
    events.batch_done = [&](const BatchProgress&) {
        if (++done == kWarmUp) set_profiler(&collector);
    };
    events.interrupted = [&] { return done == kWarmUp + steps; };
    trainer.run(events);
    set_profiler(nullptr);
    return collector.rows;
}

}  // namespace handgrad::apps::kernel_bench
