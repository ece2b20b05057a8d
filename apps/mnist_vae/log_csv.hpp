// log.csv: one row per epoch, for spreadsheets and plots.
#pragma once

#include <string>
#include <vector>

#include "metrics.hpp"

namespace handgrad::mnist_vae {

// The log of a run. Rows are appended and flushed one by one, so that what has happened stays
// written whatever happens next.
class LogCsv {
  public:
    // Starts a new log, or goes on with one: rows of epochs after `last_epoch` are dropped, for the
    // checkpoint knows nothing of them. 0 keeps none. Throws Error(output), or Error(input) for an
    // existing log that is no such log.
    LogCsv(std::string path, Index last_epoch);

    // Throws Error(output).
    void append(const EpochMetrics& metrics);

  private:
    std::string path_;
};

// All rows. Throws Error(input) naming file and line for anything that LogCsv did not write.
std::vector<EpochMetrics> read_log(const std::string& path);

}  // namespace handgrad::mnist_vae
