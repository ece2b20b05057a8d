// What the lesson's text leaves open: numbers and tables by name, and how they get into it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad::apps::mnist_vae::lesson {

// Cells may have code spans, `...`. A column of numbers is set to the right.
struct Table {
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;
};

struct Facts {
    std::map<std::string, std::string> values;
    std::map<std::string, Table> tables;
};

// Five significant digits, all of a whole number: "-0.031416", "163.08", "784", "0".
std::string number(double value);
// "-0.5123, 1.200", the elements of a short vector, with four digits.
std::string numbers(const std::vector<double>& values);
// A relative error: "3e-07"; "< 1e-08" below that, where rounding and no formula makes the digits.
std::string error_text(double error);

enum class Format { markdown, html };

// The text with "{{name}}" replaced by that value and a line "{{table name}}" by that table. Throws
// std::logic_error for a name that is not there: a mistake in the program.
std::string fill(std::string_view text, const Facts& facts, Format format);

}  // namespace handgrad::apps::mnist_vae::lesson
