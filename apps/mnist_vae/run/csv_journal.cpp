#include "csv_journal.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <utility>

#include "../../../core/error.hpp"
#include "../../../core/io/atomic_file.hpp"
#include "../../../core/io/file.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

constexpr const char* kMistakeColumn = ",mistake";
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 32;

template <class Number>
bool parse(const std::string& text, Number& value) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end;
}

}  // namespace

CsvJournal::CsvJournal(std::string path, const std::string& header, Index last_key,
                       const std::string& mistake)
    : path_(std::move(path)), mistake_(mistake) {
    std::string content = header + (mistake.empty() ? "" : kMistakeColumn) + "\n";
    if (last_key > 0 && std::filesystem::exists(path_)) {
        int number = 2;
        for (const std::string& row : read_csv_rows(path_, header)) {
            Index key = 0;
            if (!parse_csv_number(row.substr(0, row.find(',')), key))
                throw Error(ErrorKind::input, path_ + ", line " + std::to_string(number),
                            "the first column", row, "a number");
            if (key <= last_key) content += tagged(row + "\n");
            ++number;
        }
    }
    replace_file(path_, content);
}

std::string CsvJournal::tagged(const std::string& rows) const {
    if (mistake_.empty()) return rows;
    std::string result;
    for (const char c : rows) result += c == '\n' ? "," + mistake_ + "\n" : std::string(1, c);
    return result;
}

void CsvJournal::append(const std::string& untagged) {
    const std::string rows = tagged(untagged);
    std::FILE* file = std::fopen(path_.c_str(), "ab");
    bool written = file != nullptr && std::fwrite(rows.data(), 1, rows.size(), file) == rows.size();
    written = written && std::fflush(file) == 0;
    int error = errno;
    if (file != nullptr && std::fclose(file) != 0 && written) {
        written = false;
        error = errno;
    }
    if (!written)
        throw Error(ErrorKind::output, path_,
                    "cannot be written: " + std::string(std::strerror(error)));
}

void CsvJournal::flush() const { flush_file(path_); }

std::vector<std::string> read_csv_rows(const std::string& path, const std::string& header) {
    const std::vector<std::byte> bytes = read_file(path, kMaxBytes);
    return parse_csv_rows({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path,
                          header);
}

std::vector<std::string> parse_csv_rows(const std::string& content, const std::string& path,
                                        const std::string& header) {
    std::stringstream text(content);
    std::string line;
    std::getline(text, line);
    const bool has_mistake = line == header + kMistakeColumn;
    if (line != header && !has_mistake)
        throw Error(ErrorKind::input, path + ", line 1", "another header", line, header);
    std::vector<std::string> rows;
    while (std::getline(text, line)) {
        if (text.eof()) break;  // cut off: it has no line feed
        rows.push_back(has_mistake ? line.substr(0, line.rfind(',')) : line);
    }
    return rows;
}

std::string csv_number(double value) {
    // to_chars knows no locale.
    char text[32];
    return {text,
            std::to_chars(text, text + sizeof text, value, std::chars_format::general, 9).ptr};
}

bool parse_csv_number(const std::string& text, Index& value) { return parse(text, value); }
bool parse_csv_number(const std::string& text, double& value) { return parse(text, value); }

}  // namespace handgrad::apps::mnist_vae
