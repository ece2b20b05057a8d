// One training run of `mnist_vae train`: the model and what trains it, and what a run leaves in its
// folder and on the terminal, epoch by epoch.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "../../common/dataset.hpp"
#include "../curves/comparison.hpp"
#include "../model/mistakes.hpp"
#include "../model/vae.hpp"
#include "../options/options.hpp"
#include "../run/gradient_anatomy.hpp"
#include "../run/log_csv.hpp"
#include "../run/run_folder.hpp"
#include "../run/sample_history.hpp"
#include "../run/tensorboard_log.hpp"
#include "../training/trainer.hpp"
#include "followers.hpp"
#include "terminal.hpp"

namespace handgrad::apps::mnist_vae {

// What a run is made of. All of it must outlive the run.
struct RunInput {
    const RunFolder& folder;
    const TrainOptions& options;
    const TrainCommand& command;
    const Dataset& dataset;
    const Comparison* comparison;  // with a published curve; null: none
    TensorboardLog* tensorboard;   // null: none
    Followers& followers;
};

class TrainingRun {
  public:
    explicit TrainingRun(const RunInput& input);

    bool has_checkpoint() const;

    // Either of them, before train(): from the first weights, or from the newest checkpoint.
    void start();
    void resume();

    Index epochs_done() const { return trainer_.position.epoch - 1; }
    bool is_finished() const { return epochs_done() >= input_.options.epochs; }

    // What is trained, and how.
    void describe();
    // To the end, or until a signal comes; then with a checkpoint.
    Outcome train();
    // How to go on.
    void interrupted();
    void write_report() const;
    void summarize(Outcome outcome, double wall_seconds);

  private:
    void open_logs(Index last_epoch);
    std::string describe_shards() const;
    std::string describe_communication() const;
    void save();
    void finish_epoch(const EpochMetrics& metrics, bool best);
    void warn_of_collapse(const EpochMetrics& metrics);
    void draw_pictures();

    const RunInput input_;
    TrainDisplay display_;
    const std::string mistake_;  // its name, or empty
    Vae model_;
    std::unique_ptr<StepHooks> hooks_;
    std::unique_ptr<Optimizer> optimizer_;
    Trainer trainer_;
    std::unique_ptr<LogCsv> log_;
    std::optional<SampleHistory> history_;
    std::optional<GradientCsv> gradients_;
    bool warned_of_collapse_ = false;
};

}  // namespace handgrad::apps::mnist_vae
