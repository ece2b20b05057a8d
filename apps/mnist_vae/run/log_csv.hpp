// The logs of a run, for spreadsheets and plots: log.csv with a row per epoch, and latents.csv with
// a row per epoch and latent dimension.
#pragma once

#include <string>
#include <vector>

#include "../training/metrics.hpp"
#include "csv_journal.hpp"

namespace handgrad::apps::mnist_vae {

inline constexpr const char* kLogHeader =
    "epoch,step,loss,recon,kl,val_loss,val_recon,val_kl,lr,seconds,images_per_s,active_units,"
    "clamped_logvars";
inline constexpr const char* kLatentsHeader =
    "epoch,latent,kl,mu_mean,mu_variance,active,posterior_mean,posterior_variance";

class LogCsv {
  public:
    // Starts new logs, or goes on with those that are there up to `last_epoch`; see CsvJournal.
    // Every row is checked then. `latent` is the number of latents.
    LogCsv(const std::string& log_path, const std::string& latents_path, Index latent,
           Index last_epoch, const std::string& mistake = {});

    // Returns when the rows are on the disk, if begin() was called. Throws Error(output).
    void append(const EpochMetrics& metrics);

    // As those of CsvJournal.
    void begin();
    void moved_to(const std::string& log_path, const std::string& latents_path);

  private:
    CsvJournal log_, latents_;
};

// A log has at most so many rows: days of the shortest epochs, and 2 GB in memory.
inline constexpr std::size_t kMaxLogRows = 10'000'000;

// All rows of log.csv, without the latents. Throws Error(input) naming file and line for anything
// that LogCsv did not write: numbers that are not finite, rates, times or counts below 0, epochs
// and steps that do not rise. Stops at the first such line, and needs no memory but for the rows.
std::vector<EpochMetrics> read_log(const std::string& path);
std::vector<EpochMetrics> parse_log(const std::string& text, const std::string& path);

}  // namespace handgrad::apps::mnist_vae
