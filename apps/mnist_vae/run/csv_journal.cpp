#include "csv_journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>

#include "../../../core/error.hpp"
#include "../../../core/io/file.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

[[noreturn]] void fail(const std::string& path) {
    throw Error(ErrorKind::output, path, "cannot be written: " + std::string(std::strerror(errno)));
}

// Appends to a file of ours. A file that a user removed meanwhile begins anew, with its header; one
// that has got a second name, such as that of a copy made of links, is replaced instead.
void append_to_file(const std::string& path, const std::string& rows, const std::string& header) {
    const int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) fail(path);
    struct stat status {};
    const bool known = fstat(fd, &status) == 0;
    if (known && status.st_nlink > 1) {
        close(fd);
        const std::vector<std::byte> before = read_file(path, kMaxCsvBytes);
        NewFile file(path);
        file.write(before);
        file.write(rows);
        return file.replace();
    }
    const std::string text = known && status.st_size == 0 ? header + rows : rows;
    const char* next = text.data();
    for (std::size_t left = text.size(); left > 0;) {
        const ssize_t n = write(fd, next, left);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            const int error = errno;
            close(fd);
            errno = error;
            fail(path);
        }
        next += n;
        left -= std::size_t(n);
    }
    if (close(fd) != 0 && errno != EINTR) fail(path);
}

}  // namespace

CsvJournal::CsvJournal(std::string path, const std::string& header, Index last_key,
                       const CheckRow& check, const std::string& mistake)
    : path_(std::move(path)),
      header_(header + (mistake.empty() ? "" : kMistakeColumn) + "\n"),
      mistake_(mistake),
      beginning_(std::make_unique<NewFile>(path_)) {
    beginning_->write(header_);
    if (last_key > 0 && std::filesystem::exists(path_)) go_on(header, last_key, check);
}

void CsvJournal::go_on(const std::string& header, Index last_key, const CheckRow& check) {
    constexpr std::size_t kPieceBytes = std::size_t{1} << 16;
    std::string piece, rows_of_key;
    for_each_csv_row(path_, header, [&](std::string_view row, Index line) {
        const bool complete = check(row, line);
        Index key = 0;
        parse_csv_number(row.substr(0, row.find(',')), key);
        if (key <= last_key) rows_of_key += tagged(std::string(row) + "\n");
        if (!complete) return;
        piece += rows_of_key;
        rows_of_key.clear();
        if (piece.size() < kPieceBytes) return;
        beginning_->write(piece);
        piece.clear();
    });
    beginning_->write(piece);
}

void CsvJournal::begin() {
    if (beginning_ == nullptr) return;
    beginning_->replace();
    beginning_.reset();
}

std::string CsvJournal::tagged(const std::string& rows) const {
    if (mistake_.empty()) return rows;
    std::string result;
    for (const char c : rows) result += c == '\n' ? "," + mistake_ + "\n" : std::string(1, c);
    return result;
}

void CsvJournal::append(const std::string& untagged) {
    const std::string rows = tagged(untagged);
    if (beginning_ != nullptr) return beginning_->write(rows);
    append_to_file(path_, rows, header_);
}

void CsvJournal::flush() const {
    if (beginning_ == nullptr) flush_file(path_);
}

std::string csv_number(double value) {
    // to_chars knows no locale.
    char text[32];
    return {text,
            std::to_chars(text, text + sizeof text, value, std::chars_format::general, 9).ptr};
}

}  // namespace handgrad::apps::mnist_vae
