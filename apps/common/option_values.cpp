#include "option_values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <vector>

#include "../../core/error.hpp"

namespace handgrad::apps {

[[noreturn]] static void refuse(const std::string& where, const std::string& text,
                                const std::string& expected) {
    throw Error(ErrorKind::argument, where, "bad value", "'" + text + "'", expected);
}

std::uint64_t parse_integer(const std::string& where, const std::string& text, std::uint64_t low,
                            std::uint64_t high) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value < low || value > high)
        refuse(where, text,
               "an integer from " + std::to_string(low) + " to " + std::to_string(high));
    return value;
}

// Whether the whole text is one number that is finite as a float too, which it becomes.
static bool parse_real(const std::string& text, double& value) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end && std::isfinite(static_cast<float>(value));
}

double parse_number(const std::string& where, const std::string& text) {
    double value = 0;
    if (!parse_real(text, value)) refuse(where, text, "a number from -3.4e38 to 3.4e38");
    return value;
}

double parse_positive(const std::string& where, const std::string& text) {
    double value = 0;
    if (!parse_real(text, value) || !(static_cast<float>(value) > 0))
        refuse(where, text, "a number above 0, to 3.4e38");
    return value;
}

double parse_non_negative(const std::string& where, const std::string& text) {
    double value = 0;
    if (!parse_real(text, value) || std::signbit(value))
        refuse(where, text, "a number from 0 to 3.4e38");
    return value;
}

bool parse_flag(const std::string& where, const std::string& text) {
    if (text != "true" && text != "false") refuse(where, text, "true or false");
    return text == "true";
}

template <class Number>
static std::string shortest_text(Number value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string number_text(double value) { return shortest_text(value); }
std::string number_text(float value) { return shortest_text(value); }

int parse_choice(const std::string& where, const std::string& text, const char* const* names,
                 int count) {
    std::string all;
    for (int i = 0; i < count; ++i) {
        if (text == names[i]) return i;
        all += std::string(i == 0 ? "" : ", ") + names[i];
    }
    refuse(where, text, "one of " + all);
}

// Levenshtein's distance: insertions, deletions and replacements between two words.
static std::size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

std::string closest_name(const std::string& text, const std::vector<std::string>& names) {
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, text.size() / 3) + 1;
    for (const std::string& name : names) {
        // It takes at least as many steps as the lengths differ; a line of a file may be long.
        if (std::max(text.size(), name.size()) - std::min(text.size(), name.size()) >=
            best_distance)
            continue;
        const std::size_t distance = edit_distance(text, name);
        if (distance < best_distance) {
            best = name;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace handgrad::apps
