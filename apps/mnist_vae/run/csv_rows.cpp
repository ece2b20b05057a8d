#include "csv_rows.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

#include "../../../core/error.hpp"
#include "../../../core/io/file.hpp"
#include "../../common/text_encoding.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

// Latents of thousands of epochs; no more of it is ever in memory than a piece.
constexpr std::size_t kPieceBytes = std::size_t{1} << 16;

// Takes a file in pieces and hands over its rows.
class Splitter {
  public:
    Splitter(const std::string& path, const std::string& header, const TakeRow& take)
        : path_(path), header_(header), take_(take) {}

    void add(std::string_view piece) {
        for (std::size_t end; (end = piece.find('\n')) != piece.npos;
             piece.remove_prefix(end + 1)) {
            grow(piece.substr(0, end));
            finish_line();
        }
        grow(piece);
    }

    // A header is there in any case, with or without a line feed; see for_each_csv_row for the end
    // of a row.
    void finish() {
        if (line_ == 1) finish_line();
    }

  private:
    void grow(std::string_view more) {
        if (text_.size() + more.size() > kMaxCsvRowBytes)
            throw Error(ErrorKind::input, csv_place(path_, line_), "the line is too long",
                        "more than " + std::to_string(kMaxCsvRowBytes) + " bytes",
                        line_ == 1 ? header_ : "a row");
        text_ += more;
    }

    void finish_line() {
        if (line_ == 1) {
            const bool has_mark = skip_byte_order_mark(text_).size() != text_.size();
            const char* encoding = has_mark ? "a byte order mark" : other_encoding(text_);
            if (encoding != nullptr)
                throw Error(ErrorKind::input, csv_place(path_, 1), "changed by another program",
                            encoding, "UTF-8 without a mark");
            has_mistake_ = text_ == header_ + kMistakeColumn;
            if (text_ != header_ && !has_mistake_)
                throw Error(ErrorKind::input, csv_place(path_, 1), "another header", text_,
                            header_);
        } else {
            const std::string_view row = text_;
            take_(has_mistake_ ? row.substr(0, row.rfind(',')) : row, line_);
        }
        text_.clear();
        ++line_;
    }

    const std::string& path_;
    const std::string& header_;
    const TakeRow& take_;
    std::string text_;  // of the line so far
    Index line_ = 1;
    bool has_mistake_ = false;
};

template <class Number>
bool parse(std::string_view text, Number& value) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end;
}

}  // namespace

void for_each_csv_row(const std::string& path, const std::string& header, const TakeRow& take) {
    InputFile file(path);
    check_size(file, kMaxCsvBytes);
    Splitter splitter(path, header, take);
    std::vector<std::byte> piece(kPieceBytes);
    while (file.left() > 0) {
        piece.resize(std::size_t(std::min<std::uint64_t>(file.left(), kPieceBytes)));
        file.read(piece);
        splitter.add({reinterpret_cast<const char*>(piece.data()), piece.size()});
    }
    file.expect_end();
    splitter.finish();
}

void for_each_csv_row_of(std::string_view text, const std::string& path, const std::string& header,
                         const TakeRow& take) {
    Splitter splitter(path, header, take);
    splitter.add(text);
    splitter.finish();
}

std::string csv_place(const std::string& path, Index line) {
    return path + ", line " + std::to_string(line);
}

std::vector<std::string_view> csv_fields(std::string_view row, std::size_t columns) {
    if (std::count(row.begin(), row.end(), ',') != Index(columns) - 1) return {};
    std::vector<std::string_view> fields;
    for (std::size_t end; (end = row.find(',')) != row.npos; row.remove_prefix(end + 1))
        fields.push_back(row.substr(0, end));
    fields.push_back(row);
    return fields;
}

bool parse_csv_number(std::string_view text, Index& value) { return parse(text, value); }

bool parse_csv_number(std::string_view text, double& value) {
    return parse(text, value) && std::isfinite(value);
}

}  // namespace handgrad::apps::mnist_vae
