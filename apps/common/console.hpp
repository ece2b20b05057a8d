// Lines for a person: results to standard output, errors and warnings to standard error. What a
// file name, a file or an option brought along is made harmless on the way (printable.hpp).
#pragma once

#include <string>

namespace handgrad::apps {

// Prints lines to standard output and flushes. Throws Error(output) when that fails.
void print(const std::string& text);
// A path as a result: as it is where a program reads it, made printable on a terminal.
void print_path(const std::string& path);
// As print(), but every byte as it is: for what moves the cursor on purpose. Foreign text goes
// through printable() before.
void print_raw(const std::string& text);

// Prints the program's name, ": " and the text to standard error as one line.
void print_error(const std::string& text);
void warn(const std::string& text);  // the same, with "warning: " before the text

}  // namespace handgrad::apps
