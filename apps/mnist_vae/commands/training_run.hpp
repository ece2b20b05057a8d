// One training run of `mnist_vae train`: the model and what trains it, and what a run leaves in its
// folder and on the terminal, epoch by epoch.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "../../../core/error.hpp"
#include "../../common/dataset.hpp"
#include "../curves/comparison.hpp"
#include "../model/mistakes.hpp"
#include "../model/vae.hpp"
#include "../options/options.hpp"
#include "../run/run_claim.hpp"
#include "../run/run_writer.hpp"
#include "../run/tensorboard_log.hpp"
#include "../training/trainer.hpp"
#include "followers.hpp"
#include "terminal.hpp"

namespace handgrad::apps::mnist_vae {

// The parts of a run. All of it must outlive the run.
struct RunInput {
    RunClaim& claim;
    const TrainOptions& options;
    const TrainCommand& command;
    const Dataset& dataset;
    const Comparison* comparison;  // with a published curve; null: none
    TensorboardLog* tensorboard;   // null: none
    std::string gradients;         // the file of --gradients; empty: none
    Followers& followers;
};

class TrainingRun {
  public:
    explicit TrainingRun(const RunInput& input);

    // Either of them, before train(): from the first weights, or from the newest checkpoint.
    void start();
    void resume();

    Index epochs_done() const { return trainer_.position.epoch - 1; }
    bool is_finished() const { return epochs_done() >= input_.options.epochs; }

    // A line for the user that nothing depends on.
    void note(const std::string& line);
    // The data, the model and how it is trained.
    void describe();
    // To the end, or until a signal comes; then with a checkpoint. Throws the Error of a line or a
    // row that could not be written, after a checkpoint.
    Outcome train();
    // How to go on.
    void interrupted();
    void write_profile(const std::string& table);
    void write_report();
    // The pictures and the page of a run that is finished: its process may have died before them.
    void draw_again();
    // The losses and where everything is.
    void summarize(Outcome outcome, double wall_seconds);
    // Throws the Error of a line or a picture that could not be written. To be called last.
    void check_output() const;

  private:
    void add_gradients();
    template <class Output>
    void attempt(Output&& output);
    std::string describe_shards() const;
    std::string describe_communication() const;
    void check_finite(const EpochMetrics& metrics) const;
    void check_state();
    void save();
    void finish_epoch(const EpochMetrics& metrics, bool best);
    void show_epoch(const EpochMetrics& metrics);
    void warn_of_collapse(const EpochMetrics& metrics);
    template <class Draw>
    void draw(const std::string& name, Draw&& draw);
    void draw_pictures(TensorboardLog* tensorboard);

    const RunInput input_;
    const RunFolder folder_;
    TrainDisplay display_;
    const std::string mistake_;  // its name, or empty
    Vae model_;
    std::unique_ptr<StepHooks> hooks_;
    std::unique_ptr<Optimizer> optimizer_;
    const TrainingPlan plan_;
    Trainer trainer_;
    RunWriter writer_;
    // Of a line or a row: it ends training at the next batch, as a signal does.
    std::optional<Error> failed_output_;
    std::optional<Error> failed_picture_;  // of the last that were drawn
    bool saved_ = false;
    bool warned_of_collapse_ = false;
};

}  // namespace handgrad::apps::mnist_vae
