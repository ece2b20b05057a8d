#include "facts.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "../page/page.hpp"

namespace handgrad::apps::mnist_vae::lesson {

namespace {

template <class... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
    char text[64];
    std::snprintf(text, sizeof text, pattern, arguments...);
    return text;
}

// What has a digit at its start, perhaps after a sign, stands on the right of its column.
bool is_number(const std::string& cell) {
    const std::string start = cell.substr(0, 3);
    return start.find_first_of("0123456789") != std::string::npos &&
           cell.find_first_not_of("0123456789.,+-e<% ") == std::string::npos;
}

std::vector<bool> number_columns(const Table& table) {
    std::vector<bool> columns(table.header.size());
    for (std::size_t c = 0; c < columns.size(); ++c)
        columns[c] = std::all_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
            return row[c].empty() || is_number(row[c]);
        });
    return columns;
}

std::string to_markdown(const Table& table) {
    const std::vector<bool> right = number_columns(table);
    std::string text = "|", rule = "|";
    for (std::size_t c = 0; c < table.header.size(); ++c) {
        text += " " + table.header[c] + " |";
        rule += right[c] ? "--:|" : "---|";
    }
    text += "\n" + rule;
    for (const auto& row : table.rows) {
        text += "\n|";
        for (const std::string& cell : row) text += " " + cell + " |";
    }
    return text;
}

// Cells have Markdown's code spans and no other mark-up.
std::string cell_html(const std::string& cell) {
    std::string html;
    bool open = false;
    for (const char c : escape_html(cell)) {
        if (c != '`') {
            html += c;
            continue;
        }
        html += open ? "</code>" : "<code>";
        open = !open;
    }
    return html;
}

std::string to_html(const Table& table) {
    const std::vector<bool> right = number_columns(table);
    // A long text may take several lines.
    constexpr std::size_t kLong = 36;
    const auto row_html = [&](const std::vector<std::string>& cells, const std::string& element) {
        std::string html = "<tr>";
        for (std::size_t c = 0; c < cells.size(); ++c) {
            const char* style = right[c]                  ? " class=\"number\">"
                                : cells[c].size() > kLong ? " class=\"long\">"
                                                          : ">";
            html += "<" + element + style + cell_html(cells[c]) + "</" + element + ">";
        }
        return html + "</tr>\n";
    };
    std::string html = "<div class=\"scroll\"><table>\n<thead>" + row_html(table.header, "th") +
                       "</thead>\n<tbody>\n";
    for (const auto& row : table.rows) html += row_html(row, "td");
    return html + "</tbody></table></div>";
}

template <class Map>
const auto& find(const Map& map, const std::string& name) {
    const auto found = map.find(name);
    if (found == map.end()) throw std::logic_error("the lesson has no fact " + name);
    return found->second;
}

}  // namespace

std::string number(double value) {
    // 1 / (1 / 784) is whole but for its last digit.
    const double nearest = std::round(value);
    const bool whole = std::abs(value - nearest) <= 1e-12 * std::abs(value);
    return whole && std::abs(value) < 1e5 ? format("%.0f", nearest) : format("%#.5g", value);
}

std::string numbers(const std::vector<double>& values) {
    std::string text;
    for (const double value : values)
        text += (text.empty() ? "" : ", ") +
                (value == std::round(value) ? number(value) : format("%#.4g", value));
    return text;
}

std::string error_text(double error) { return error < 1e-8 ? "< 1e-08" : format("%.0e", error); }

std::string fill(std::string_view text, const Facts& facts, Format format) {
    std::string filled;
    for (;;) {
        const std::size_t open = text.find("{{");
        filled += text.substr(0, open);
        if (open == std::string_view::npos) return filled;
        const std::size_t close = text.find("}}", open);
        if (close == std::string_view::npos) throw std::logic_error("the lesson has an open {{");
        const std::string name(text.substr(open + 2, close - open - 2));
        text.remove_prefix(close + 2);
        if (name.starts_with("table ")) {
            const Table& table = find(facts.tables, name.substr(6));
            filled += format == Format::markdown ? to_markdown(table) : to_html(table);
        } else {
            const std::string& value = find(facts.values, name);
            filled += format == Format::markdown ? value : escape_html(value);
        }
    }
}

}  // namespace handgrad::apps::mnist_vae::lesson
