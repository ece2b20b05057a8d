// Reading the CSV files of a run, row by row: what is no such file is refused at its first bad
// line, and no more of it is in memory than a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "../../../core/matrix.hpp"

namespace handgrad::apps::mnist_vae {

// The title of the column that ends every row of a run with a mistake.
inline constexpr const char* kMistakeColumn = ",mistake";

// Twice the longest row there is, eight samples of samples.csv.
inline constexpr std::size_t kMaxCsvRowBytes = std::size_t{1} << 15;

// A file is no longer than this.
inline constexpr std::uint64_t kMaxCsvBytes = std::uint64_t{1} << 32;

// Gets a row, without line feed and without the name of a mistake, and the number of its line.
using TakeRow = std::function<void(std::string_view row, Index line)>;

// Hands over the rows below the header, in order. A row that was cut off when its process died is
// not among them. Throws Error(input) naming file and line for another header or a longer row, and
// what `take` throws.
void for_each_csv_row(const std::string& path, const std::string& header, const TakeRow& take);
// The same of a text; `path` names it in errors.
void for_each_csv_row_of(std::string_view text, const std::string& path, const std::string& header,
                         const TakeRow& take);

// "path, line 7", for an error.
std::string csv_place(const std::string& path, Index line);

// The fields of a row, if it has so many; otherwise none.
std::vector<std::string_view> csv_fields(std::string_view row, std::size_t columns);

// Whether the whole text is one number, and a finite one; sets `value` if it is.
bool parse_csv_number(std::string_view text, Index& value);
bool parse_csv_number(std::string_view text, double& value);

}  // namespace handgrad::apps::mnist_vae
