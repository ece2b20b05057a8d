// The logs of a run, for spreadsheets and plots: log.csv with a row per epoch, and latents.csv with
// a row per epoch and latent dimension.
#pragma once

#include <string>
#include <vector>

#include "../training/metrics.hpp"
#include "csv_journal.hpp"

namespace handgrad::apps::mnist_vae {

class LogCsv {
  public:
    // Starts new logs, or goes on with those that are there up to `last_epoch`; see CsvJournal.
    LogCsv(const std::string& log_path, const std::string& latents_path, Index last_epoch,
           const std::string& mistake = {});

    // Returns when the rows are on the disk. Throws Error(output).
    void append(const EpochMetrics& metrics);

  private:
    CsvJournal log_, latents_;
};

// All rows of log.csv, without the latents. Throws Error(input) naming file and line for anything
// that LogCsv did not write.
std::vector<EpochMetrics> read_log(const std::string& path);
std::vector<EpochMetrics> parse_log(const std::string& text, const std::string& path);

}  // namespace handgrad::apps::mnist_vae
