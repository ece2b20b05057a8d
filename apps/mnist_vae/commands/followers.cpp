#include "followers.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../../../core/parallel.hpp"
#include "../model/mistakes.hpp"
#include "../run/recipe.hpp"
#include "signals.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

// The same functions run on both sides: the leader's values take the place of the followers'.
template <class Values>
void share_list(Communicator& ranks, Values& values) {
    std::size_t size = values.size();
    ranks.broadcast(bytes_of(size));
    values.resize(size);
    ranks.broadcast(bytes_of(std::span(values.data(), size)));
}

void share_images(Communicator& ranks, IdxImages& images) {
    for (Index* size : {&images.count, &images.rows, &images.cols})
        ranks.broadcast(bytes_of(*size));
    share_list(ranks, images.pixels);
}

// What decides how training goes on, beside its options and its images.
void share_state(Communicator& ranks, Vae& model, Optimizer& optimizer, Position& position) {
    ranks.broadcast(bytes_of(model.arena().values()));
    for (const Optimizer::Buffer& buffer : optimizer.state())
        ranks.broadcast(bytes_of(buffer.values));
    std::int64_t steps = optimizer.steps();
    ranks.broadcast(bytes_of(steps));
    if (ranks.rank() > 0) optimizer.resume_at(steps);
    ranks.broadcast(bytes_of(position));
}

struct Recipe {
    std::string options;  // as in options.toml; empty if there is nothing to train
    bool check_numerics = false;
};

void share_recipe(Communicator& ranks, Recipe& recipe) {
    share_list(ranks, recipe.options);
    ranks.broadcast(bytes_of(recipe.check_numerics));
}

}  // namespace

Followers::~Followers() {
    if (started_ || ranks_.size() == 1) return;
    Recipe nothing;
    share_recipe(ranks_, nothing);
}

void Followers::start(const TrainOptions& options, const TrainingPlan& plan, const IdxImages& train,
                      const IdxImages& validation, Vae& model, Optimizer& optimizer,
                      const Position& position) {
    if (ranks_.size() == 1) return;
    started_ = true;
    Recipe recipe{to_toml(options), plan.check_numerics};
    share_recipe(ranks_, recipe);
    for (const IdxImages* images : {&train, &validation}) {
        IdxImages copy = *images;
        share_images(ranks_, copy);
    }
    Position copy = position;
    share_state(ranks_, model, optimizer, copy);
}

void follow(Communicator& ranks) {
    const SignalGuard signals(/*announce=*/false);
    Recipe recipe;
    share_recipe(ranks, recipe);
    if (recipe.options.empty()) return;
    const TrainOptions options = parse_run_options(recipe.options, "the first rank");
    if (options.threads > 0) set_thread_count(options.threads);
    IdxImages train, validation;
    share_images(ranks, train);
    share_images(ranks, validation);

    Vae model(architecture_of(options, train));
    const std::unique_ptr<StepHooks> hooks = make_hooks(options.mistake);
    model.set_hooks(*hooks);
    const std::unique_ptr<Optimizer> optimizer = make_optimizer(options, model.arena());
    TrainingPlan plan = plan_of(options);
    plan.check_numerics = recipe.check_numerics;
    Trainer trainer(model, *optimizer, plan, train, validation, ranks);
    share_state(ranks, model, *optimizer, trainer.position);

    TrainerEvents events;
    events.interrupted = [] { return SignalGuard::received() != 0; };
    try {
        trainer.run(events);
    } catch (const Error&) {
        // The leader has the same, and ends the job when it has told of it.
        ranks.barrier();
    }
}

}  // namespace handgrad::apps::mnist_vae
