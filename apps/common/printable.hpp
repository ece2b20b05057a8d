// Text from files, paths and options, made safe to show: nothing in it moves a cursor, sets a
// title, turns the direction of reading round or hides.
#pragma once

#include <string>
#include <string_view>

namespace handgrad::apps {

// The text as one line. Line feeds become \n; other control characters (C0, DEL, C1) and bytes that
// are no UTF-8 \x1b, \x9b; characters that nobody sees or that order others (of direction, of width
// zero, separators, spaces that look like another) \u202e or \U000e0001. All else stays: é, 漢字
// and emoji, with the joiners and variants that follow such a character and belong to it.
std::string printable(std::string_view text);

// The same of several lines: line feeds and tabs stay.
std::string printable_lines(std::string_view text);

}  // namespace handgrad::apps
