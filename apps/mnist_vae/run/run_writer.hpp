// The files of a training in its run folder: options, logs, weights, checkpoint.
//
// Nothing in the folder changes before the first save. For every save the logs are on the disk
// before the checkpoint that counts on them: a row too many is dropped on resuming, one too few
// would be lost.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "../options/options.hpp"
#include "../training/metrics.hpp"
#include "checkpoint.hpp"
#include "gradient_anatomy.hpp"
#include "log_csv.hpp"
#include "new_run.hpp"
#include "resume_check.hpp"
#include "run_claim.hpp"
#include "sample_history.hpp"

namespace handgrad::apps::mnist_vae {

class RunWriter {
  public:
    // The claim and the options must outlive it.
    RunWriter(RunClaim& claim, const TrainOptions& options, const std::string& data_hash);

    // The rows of --gradients, if they are wanted: a file of the user's, treated as a log.
    void add_gradients(const std::string& path, const GradientSource& source);
    GradientCsv* gradients() { return gradients_ ? &*gradients_ : nullptr; }

    // Restores model and optimiser from the newest checkpoint, and prepares the logs to go on.
    // Throws Error(input) for files that contradict one another or the options. Changes no file.
    ResumePoint resume(Vae& model, Optimizer& optimizer, const TrainingSize& size);

    // The rows and the weights of an epoch, before its checkpoint. All numbers have to be finite.
    // Throws Error(output).
    void write_epoch(const EpochMetrics& metrics, bool best, Vae& model);

    // The checkpoint. A run with results that is to be overwritten stays until the new one has a
    // model: before that this does nothing, and returns false. Throws Error(output), and what
    // RunClaim::check_again throws.
    bool save(Vae& model, Optimizer& optimizer, const Position& position);

    // A picture or a page of the run. After --overwrite it has the mode and the owner of the file
    // of that name in the old run. Throws Error(output), also if a file of that name is not surely
    // ours; it stays.
    void write_file(const std::string& path, std::string_view content) const;
    void write_file(const std::string& path, std::span<const std::byte> content) const;

  private:
    void prepare_logs(const Architecture& architecture, Index last_epoch);
    void begin(const Architecture& architecture);
    CheckpointOrigin origin() const { return {data_hash_, hash_of_options(options_)}; }

    RunClaim& claim_;
    const TrainOptions& options_;
    const std::string data_hash_, mistake_;
    RunFolder files_;  // where they are written: at first, for a new run, in its staging folder
    OldFiles old_;     // of the run that was replaced
    bool resumed_ = false, begun_ = false, staged_ = false;
    std::optional<LogCsv> log_;
    std::optional<SampleHistory> history_;
    std::optional<GradientCsv> gradients_;
};

}  // namespace handgrad::apps::mnist_vae
