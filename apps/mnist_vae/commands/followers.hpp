// Training on several ranks: the first, the leader, reads, writes and prints as if it were alone.
// The others follow: they get everything from it, even the options, and touch neither file nor
// terminal.
#pragma once

#include "../../../core/communicator.hpp"
#include "../options/options.hpp"
#include "../training/trainer.hpp"

namespace handgrad::apps::mnist_vae {

// The leader's side. Followers that were never told to start are sent home at the end of its life.
class Followers {
  public:
    // The ranks must outlive it.
    explicit Followers(Communicator& ranks) : ranks_(ranks) {}
    ~Followers();
    Followers(const Followers&) = delete;
    Followers& operator=(const Followers&) = delete;

    Communicator& ranks() const { return ranks_; }

    // They train along from here: the leader's next call is Trainer::run.
    void start(const TrainOptions& options, const TrainingPlan& plan, const IdxImages& train,
               const IdxImages& validation, Vae& model, Optimizer& optimizer,
               const Position& position);

  private:
    Communicator& ranks_;
    bool started_ = false;
};

// Everything that a follower does, from its start to its end.
void follow(Communicator& ranks);

}  // namespace handgrad::apps::mnist_vae
