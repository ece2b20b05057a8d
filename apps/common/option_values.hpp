// Strict conversions between the text of an option and its value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../../core/matrix.hpp"

namespace handgrad::apps {

// All throw Error(argument) naming `where` unless the whole text is one number in the range: no
// blanks, no sign that is not needed, no "nan", "inf", "12abc", or "-0".
std::uint64_t parse_integer(const std::string& where, const std::string& text, std::uint64_t low,
                            std::uint64_t high);
double parse_number(const std::string& where, const std::string& text);
double parse_positive(const std::string& where, const std::string& text);
double parse_non_negative(const std::string& where, const std::string& text);
bool parse_flag(const std::string& where, const std::string& text);  // true or false

// The shortest text that reads back as the same number.
std::string number_text(double value);
std::string number_text(float value);

// The position of the text among the names of an enumeration.
int parse_choice(const std::string& where, const std::string& text, const char* const* names,
                 int count);

// Of the names, the one that `text` was probably meant to be; empty if none is close.
std::string closest_name(const std::string& text, const std::vector<std::string>& names);

}  // namespace handgrad::apps
