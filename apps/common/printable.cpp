#include "printable.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>

namespace handgrad::apps {

namespace {

constexpr char32_t kNone = 0xFFFFFFFF;

// A character of the text: its code point, or kNone for a byte that is no UTF-8, and its bytes.
struct Character {
    char32_t code = kNone;
    std::string_view bytes;
};

// The first character of a text that is not empty (RFC 3629: no overlong forms, no surrogates).
Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t lead = byte(0);
    if (lead < 0x80) return {lead, text.substr(0, 1)};
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    const Character bad{kNone, text.substr(0, 1)};
    if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return bad;
    char32_t code = lead & (0xFFu >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return bad;
        code = code << 6 | (byte(i) & 0x3Fu);
    }
    const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    const bool is_overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    if (is_surrogate || is_overlong || code > 0x10FFFF) return bad;
    return {code, text.substr(0, size)};
}

struct Range {
    char32_t first, last;
};

// Controls, separators and marks of annotation; what Unicode 15 calls Default_Ignorable_Code_Point,
// which has all marks of direction; and spaces that look like U+0020, or like nothing.
constexpr Range kHidden[] = {
    {0x0000, 0x001F},   {0x007F, 0x00A0}, {0x00AD, 0x00AD}, {0x034F, 0x034F},   {0x061C, 0x061C},
    {0x115F, 0x1160},   {0x1680, 0x1680}, {0x17B4, 0x17B5}, {0x180B, 0x180F},   {0x2000, 0x200F},
    {0x2028, 0x202F},   {0x205F, 0x206F}, {0x2800, 0x2800}, {0x3164, 0x3164},   {0xFE00, 0xFE0F},
    {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
    {0xE0000, 0xE0FFF},
};

bool is_hidden(char32_t code) {
    const auto* range = std::lower_bound(std::begin(kHidden), std::end(kHidden), code,
                                         [](const Range& r, char32_t c) { return r.last < c; });
    return range != std::end(kHidden) && range->first <= code;
}

bool is_joiner(char32_t code) { return code == 0x200C || code == 0x200D; }
bool is_variation(char32_t code) { return code >= 0xFE00 && code <= 0xFE0F; }

// Emoji, Persian and Indian words have joiners and variants within them. Behind a letter of ASCII,
// of which our names are made, they mean nothing.
bool belongs_to(char32_t before, char32_t code) {
    if (before == kNone || before < 0x80) return false;
    return (is_variation(code) && !is_variation(before) && !is_joiner(before)) ||
           (is_joiner(code) && !is_joiner(before));
}

std::string escape(const Character& c) {
    if (c.code == '\n') return "\\n";
    char text[16];
    if (c.code == kNone || c.code < 0x80)
        std::snprintf(text, sizeof text, "\\x%02x", static_cast<std::uint8_t>(c.bytes[0]));
    else if (c.code < 0x10000)
        std::snprintf(text, sizeof text, "\\u%04x", unsigned(c.code));
    else
        std::snprintf(text, sizeof text, "\\U%08x", unsigned(c.code));
    return text;
}

std::string make_printable(std::string_view text, bool in_lines) {
    std::string result;
    char32_t before = kNone;  // as it was shown
    while (!text.empty()) {
        const Character c = first_character(text);
        text.remove_prefix(c.bytes.size());
        const bool is_layout = in_lines && (c.code == '\n' || c.code == '\t');
        if (c.code != kNone && (is_layout || !is_hidden(c.code) || belongs_to(before, c.code))) {
            result += c.bytes;
            before = c.code;
        } else {
            result += escape(c);
            before = kNone;
        }
    }
    return result;
}

}  // namespace

std::string printable(std::string_view text) { return make_printable(text, false); }
std::string printable_lines(std::string_view text) { return make_printable(text, true); }

}  // namespace handgrad::apps
