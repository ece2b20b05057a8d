#include "log_csv.hpp"

#include <filesystem>
#include <sstream>

#include "../../../core/error.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

constexpr const char* kHeader =
    "epoch,step,loss,recon,kl,val_loss,val_recon,val_kl,lr,seconds,images_per_s,active_units,"
    "clamped_logvars";
constexpr const char* kLatentsHeader =
    "epoch,latent,kl,mu_mean,mu_variance,active,posterior_mean,posterior_variance";
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

EpochMetrics parse_row(const std::string& row, const std::string& where) {
    EpochMetrics m;
    std::vector<std::string> fields;
    std::stringstream list(row + ",");
    for (std::string field; std::getline(list, field, ',');) fields.push_back(field);
    double* const numbers[] = {&m.loss,   &m.recon, &m.kl,      &m.val_loss,         &m.val_recon,
                               &m.val_kl, &m.lr,    &m.seconds, &m.images_per_second};
    bool good = fields.size() == kColumns && parse_csv_number(fields[0], m.epoch) &&
                parse_csv_number(fields[1], m.step) &&
                parse_csv_number(fields[11], m.active_units) &&
                parse_csv_number(fields[12], m.clamped_logvars);
    for (std::size_t i = 0; good && i < 9; ++i) good = parse_csv_number(fields[i + 2], *numbers[i]);
    if (!good)
        throw Error(ErrorKind::input, where, "not a row of a log", row,
                    std::to_string(kColumns) + " numbers");
    return m;
}

}  // namespace

// A log that is going on is checked before it is rewritten.
static const std::string& checked(const std::string& path, Index last_epoch) {
    if (last_epoch > 0 && std::filesystem::exists(path)) read_log(path);
    return path;
}

LogCsv::LogCsv(const std::string& log_path, const std::string& latents_path, Index last_epoch,
               const std::string& mistake)
    : log_(checked(log_path, last_epoch), kHeader, last_epoch, mistake),
      latents_(latents_path, kLatentsHeader, last_epoch, mistake) {}

// The row of log.csv last: what counts the epochs finds all of the epoch there.
void LogCsv::append(const EpochMetrics& metrics) {
    latents_.append(format_latents(metrics));
    log_.append(format_row(metrics));
    latents_.flush();
    log_.flush();
}

static std::vector<EpochMetrics> parse_rows(const std::vector<std::string>& texts,
                                            const std::string& path) {
    std::vector<EpochMetrics> rows;
    int number = 2;
    for (const std::string& text : texts)
        rows.push_back(parse_row(text, path + ", line " + std::to_string(number++)));
    return rows;
}

std::vector<EpochMetrics> read_log(const std::string& path) {
    return parse_rows(read_csv_rows(path, kHeader), path);
}

std::vector<EpochMetrics> parse_log(const std::string& text, const std::string& path) {
    return parse_rows(parse_csv_rows(text, path, kHeader), path);
}

}  // namespace handgrad::apps::mnist_vae
