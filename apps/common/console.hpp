// Lines for a person: results to standard output, errors and warnings to standard error.
#pragma once

#include <string>

namespace handgrad::apps {

// Prints a text to standard output and flushes. Throws Error(output) when that fails.
void print(const std::string& text);

// Prints the program's name, ": " and the text to standard error as one line, whatever characters a
// file name or an option brought along.
void print_error(const std::string& text);
void warn(const std::string& text);  // the same, with "warning: " before the text

}  // namespace handgrad::apps
