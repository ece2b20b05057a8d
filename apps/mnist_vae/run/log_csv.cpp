#include "log_csv.hpp"

#include <string_view>
#include <utility>

#include "../../../core/error.hpp"
#include "../options/options.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

constexpr std::size_t kColumns = 13;

std::string format_row(const EpochMetrics& m) {
    std::string row = std::to_string(m.epoch) + "," + std::to_string(m.step);
    for (double value : {m.loss, m.recon, m.kl, m.val_loss, m.val_recon, m.val_kl, m.lr, m.seconds,
                         m.images_per_second})
        row += "," + csv_number(value);
    return row + "," + std::to_string(m.active_units) + "," + std::to_string(m.clamped_logvars) +
           "\n";
}

std::string format_latents(const EpochMetrics& m) {
    std::string rows;
    for (std::size_t j = 0; j < m.latents.size(); ++j) {
        const LatentStatistics& s = m.latents[j];
        rows += std::to_string(m.epoch) + "," + std::to_string(j) + "," + csv_number(s.kl) + "," +
                csv_number(s.mu_mean) + "," + csv_number(s.mu_variance) + "," +
                (s.is_active() ? "1" : "0") + "," + csv_number(s.posterior_mean()) + "," +
                csv_number(s.posterior_variance()) + "\n";
    }
    return rows;
}

// Whether the row is one that format_row could have made; sets `m` if it is.
bool parse_row(std::string_view row, EpochMetrics& m) {
    const std::vector<std::string_view> fields = csv_fields(row, kColumns);
    double* const numbers[] = {&m.loss,   &m.recon, &m.kl,      &m.val_loss,         &m.val_recon,
                               &m.val_kl, &m.lr,    &m.seconds, &m.images_per_second};
    bool good = fields.size() == kColumns && parse_csv_number(fields[0], m.epoch) &&
                parse_csv_number(fields[1], m.step) &&
                parse_csv_number(fields[11], m.active_units) &&
                parse_csv_number(fields[12], m.clamped_logvars);
    for (std::size_t i = 0; good && i < 9; ++i) good = parse_csv_number(fields[i + 2], *numbers[i]);
    return good && m.lr >= 0 && m.seconds >= 0 && m.images_per_second >= 0 && m.active_units >= 0 &&
           m.active_units <= kMaxLatent && m.clamped_logvars >= 0;
}

// Takes the rows of a log and refuses the first that cannot follow those before it.
class LogReader {
  public:
    explicit LogReader(std::string path) : path_(std::move(path)) {}

    void add(std::string_view row, Index line) {
        if (rows.size() == kMaxLogRows)
            throw Error(ErrorKind::input, csv_place(path_, line), "too many rows for a log",
                        "one more", std::to_string(kMaxLogRows));
        EpochMetrics m;
        if (!parse_row(row, m))
            throw Error(
                ErrorKind::input, csv_place(path_, line), "not a row of a log", std::string(row),
                std::to_string(kColumns) + " finite numbers; rates, times and counts not below 0");
        // A log that was lost is gone on with, so that epochs may be missing.
        const Index epoch = rows.empty() ? 0 : rows.back().epoch;
        const Index step = rows.empty() ? 0 : rows.back().step;
        if (m.epoch <= epoch || m.epoch > kMaxEpochs || m.step < step ||
            m.step - step < m.epoch - epoch)
            throw Error(ErrorKind::input, csv_place(path_, line), "epoch and step do not go on",
                        std::to_string(m.epoch) + " and " + std::to_string(m.step),
                        "more than " + std::to_string(epoch) + " and " + std::to_string(step) +
                            ", at least a step for each epoch");
        rows.push_back(m);
    }

    std::vector<EpochMetrics> rows;

  private:
    std::string path_;
};

CheckRow check_log_rows(const std::string& path) {
    return [reader = LogReader(path)](std::string_view row, Index line) mutable {
        reader.add(row, line);
        return true;
    };
}

// The rows of an epoch are those of all latents, in order.
CheckRow check_latents_rows(const std::string& path, Index latents) {
    return [path, latents, epoch = Index(0), expected = Index(0)](std::string_view row,
                                                                  Index line) mutable {
        constexpr std::size_t kLatentsColumns = 8, kActive = 5;
        const std::vector<std::string_view> fields = csv_fields(row, kLatentsColumns);
        Index row_epoch = 0, latent = 0;
        bool good = fields.size() == kLatentsColumns && parse_csv_number(fields[0], row_epoch) &&
                    parse_csv_number(fields[1], latent) && latent == expected &&
                    (latent == 0 ? row_epoch > epoch : row_epoch == epoch) &&
                    row_epoch <= kMaxEpochs && (fields[kActive] == "0" || fields[kActive] == "1");
        double number = 0;
        for (std::size_t i = 2; good && i < kLatentsColumns; ++i)
            good = parse_csv_number(fields[i], number);
        if (!good)
            throw Error(ErrorKind::input, csv_place(path, line), "not a row of this file",
                        std::string(row.substr(0, 120)),
                        "an epoch of at least " + std::to_string(epoch) + ", latent " +
                            std::to_string(expected) + " and 6 finite numbers");
        epoch = row_epoch;
        expected = (latent + 1) % latents;
        return expected == 0;
    };
}

}  // namespace

LogCsv::LogCsv(const std::string& log_path, const std::string& latents_path, Index latent,
               Index last_epoch, const std::string& mistake)
    : log_(log_path, kLogHeader, last_epoch, check_log_rows(log_path), mistake),
      latents_(latents_path, kLatentsHeader, last_epoch, check_latents_rows(latents_path, latent),
               mistake) {}

// The row of log.csv last: what counts the epochs finds all of the epoch there.
void LogCsv::append(const EpochMetrics& metrics) {
    latents_.append(format_latents(metrics));
    log_.append(format_row(metrics));
    latents_.flush();
    log_.flush();
}

void LogCsv::begin() {
    latents_.begin();
    log_.begin();
}

void LogCsv::moved_to(const std::string& log_path, const std::string& latents_path) {
    log_.moved_to(log_path);
    latents_.moved_to(latents_path);
}

std::vector<EpochMetrics> read_log(const std::string& path) {
    LogReader reader(path);
    for_each_csv_row(path, kLogHeader,
                     [&](std::string_view row, Index line) { reader.add(row, line); });
    return std::move(reader.rows);
}

std::vector<EpochMetrics> parse_log(const std::string& text, const std::string& path) {
    LogReader reader(path);
    for_each_csv_row_of(text, path, kLogHeader,
                        [&](std::string_view row, Index line) { reader.add(row, line); });
    return std::move(reader.rows);
}

}  // namespace handgrad::apps::mnist_vae
