#include "log_csv.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "../../core/error.hpp"
#include "../../core/io/atomic_file.hpp"
#include "../../core/io/file.hpp"

namespace handgrad::mnist_vae {

namespace {

constexpr const char* kHeader =
    "epoch,step,loss,recon,kl,val_loss,val_recon,val_kl,lr,seconds,images_per_s\n";
constexpr std::uint64_t kMaxLogBytes = 1 << 28;

std::string format_row(const EpochMetrics& m) {
    std::string row = std::to_string(m.epoch) + "," + std::to_string(m.step);
    for (double value : {m.loss, m.recon, m.kl, m.val_loss, m.val_recon, m.val_kl, m.lr, m.seconds,
                         m.images_per_second}) {
        // to_chars knows no locale: a point is a point everywhere.
        char text[32];
        const auto end =
            std::to_chars(text, text + sizeof text, value, std::chars_format::general, 9).ptr;
        row += "," + std::string(text, end);
    }
    return row + "\n";
}

template <class Number>
bool parse(const std::string& text, Number& value) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end;
}

EpochMetrics parse_row(const std::string& row, const std::string& where) {
    EpochMetrics m;
    std::vector<std::string> fields;
    std::stringstream list(row + ",");
    for (std::string field; std::getline(list, field, ',');) fields.push_back(field);
    double* const numbers[] = {&m.loss,   &m.recon, &m.kl,      &m.val_loss,         &m.val_recon,
                               &m.val_kl, &m.lr,    &m.seconds, &m.images_per_second};
    bool good = fields.size() == 11 && parse(fields[0], m.epoch) && parse(fields[1], m.step);
    for (std::size_t i = 0; good && i < 9; ++i) good = parse(fields[i + 2], *numbers[i]);
    if (!good) throw Error(ErrorKind::input, where, "not a row of a log", row, "11 numbers");
    return m;
}

}  // namespace

LogCsv::LogCsv(std::string path, Index last_epoch) : path_(std::move(path)) {
    std::string content = kHeader;
    if (last_epoch > 0 && std::filesystem::exists(path_))
        for (const EpochMetrics& row : read_log(path_))
            if (row.epoch <= last_epoch) content += format_row(row);
    replace_file(path_, content);
}

void LogCsv::append(const EpochMetrics& metrics) {
    const std::string row = format_row(metrics);
    std::FILE* file = std::fopen(path_.c_str(), "ab");
    bool written = file != nullptr && std::fwrite(row.data(), 1, row.size(), file) == row.size();
    written = written && std::fflush(file) == 0;
    const int error = errno;
    if (file != nullptr) written = std::fclose(file) == 0 && written;
    if (!written)
        throw Error(ErrorKind::output, path_,
                    "cannot be written: " + std::string(std::strerror(error)));
}

std::vector<EpochMetrics> read_log(const std::string& path) {
    const std::vector<std::byte> bytes = read_file(path, kMaxLogBytes);
    std::stringstream text(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    std::string line;
    std::getline(text, line);
    if (line + "\n" != kHeader)
        throw Error(ErrorKind::input, path + ", line 1", "not the header of a log", line,
                    std::string(kHeader, std::strlen(kHeader) - 1));
    std::vector<EpochMetrics> rows;
    for (int number = 2; std::getline(text, line); ++number) {
        // A row that was cut off when the process died has no line feed; it is not there yet.
        if (text.eof()) break;
        rows.push_back(parse_row(line, path + ", line " + std::to_string(number)));
    }
    return rows;
}

}  // namespace handgrad::mnist_vae
