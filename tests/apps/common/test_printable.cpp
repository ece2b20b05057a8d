#include "../../../apps/common/printable.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

using handgrad::apps::printable;
using handgrad::apps::printable_lines;

namespace {

// By the definition of UTF-8, for any code point.
std::string utf8(char32_t code) {
    const auto tail = [&](int shift) { return char(0x80 | (code >> shift & 0x3F)); };
    if (code < 0x80) return {char(code)};
    if (code < 0x800) return {char(0xC0 | code >> 6), tail(0)};
    if (code < 0x10000) return {char(0xE0 | code >> 12), tail(6), tail(0)};
    return {char(0xF0 | code >> 18), tail(12), tail(6), tail(0)};
}

}  // namespace

TEST_CASE("printable: ordinary text stays as it is") {
    for (const char* text :
         {"", "runs/wide, line 7: found 'x', expected \"y\"", "\\x1b", "é ß ł Ω ж",
          "漢字 かな 한글", "שלום عربي", "😀 🏳 👍🏽", "e\xcc\x81", "\xee\x80\x80",
          // A family, a heart on fire, a rainbow flag; Persian with a non-joiner.
          "👨\u200d👩\u200d👧", "❤\ufe0f\u200d🔥", "🏳\ufe0f\u200d🌈", "می\u200cخواهم"}) {
        CAPTURE(text);
        CHECK(printable(text) == text);
        CHECK(printable_lines(text) == text);
    }
}

TEST_CASE("printable: what a terminal obeys or nobody sees is written out") {
    CHECK(printable("a\x1b[31mb") == "a\\x1b[31mb");
    CHECK(printable("a\r\n\tb\x7f") == "a\\x0d\\n\\x09b\\x7f");
    CHECK(printable(std::string("a\0b", 3)) == "a\\x00b");
    CHECK(printable_lines("a\r\n\tb\x7f\x9b") == "a\\x0d\n\tb\\x7f\\x9b");
    CHECK(printable("a\u009bb") == "a\\u009bb");      // CSI, as a character
    CHECK(printable("a\x9b[31mb") == "a\\x9b[31mb");  // and as a byte
    CHECK(printable("\u202egnp.exe") == "\\u202egnp.exe");
    CHECK(printable("\ufeffhidden") == "\\ufeffhidden");
    CHECK(printable("hid\u200dden") == "hid\\u200dden");
    CHECK(printable("hid\ufe0fden") == "hid\\ufe0fden");
    CHECK(printable("漢\u200d\u200d") == "漢\u200d\\u200d");
    CHECK(printable("a\u00a0b") == "a\\u00a0b");
    CHECK(printable("\U000e0041") == "\\U000e0041");
    for (const auto& [first, last] : {std::pair<char32_t, char32_t>{0x80, 0x9F},
                                      {0x200B, 0x200F},
                                      {0x2028, 0x202E},
                                      {0x2060, 0x206F},
                                      {0x61C, 0x61C},
                                      {0xFFF9, 0xFFFB},
                                      {0xE0000, 0xE007F}})
        for (char32_t code = first; code <= last; ++code) {
            CAPTURE(std::uint32_t(code));
            const std::string shown = printable("a" + utf8(code));
            CHECK(shown.starts_with("a\\"));
            CHECK(std::all_of(shown.begin(), shown.end(), [](char c) { return c > 0x20; }));
            CHECK(printable_lines("a" + utf8(code)) == shown);
        }
}

TEST_CASE("printable: bytes that are no UTF-8 are written out, one by one") {
    for (const auto& [text, shown] : {std::pair<const char*, const char*>{"\xff", "\\xff"},
                                      {"\xc3", "\\xc3"},
                                      {"\xc3(", "\\xc3("},
                                      {"\xe6\xbc", "\\xe6\\xbc"},
                                      {"\xc0\x80", "\\xc0\\x80"},
                                      {"\xe0\x80\x9b", "\\xe0\\x80\\x9b"},
                                      {"\xf0\x80\x80\x9b", "\\xf0\\x80\\x80\\x9b"},
                                      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
                                      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
                                      {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
                                      {"é\xe9é", "é\\xe9é"}}) {
        CHECK(printable(text) == std::string(shown));
    }
}

TEST_CASE("printable: every character is either shown or written out, never half") {
    for (char32_t code = 0; code <= 0x10FFFF; ++code) {
        if (code >= 0xD800 && code <= 0xDFFF) continue;
        const std::string text = utf8(code), shown = printable(text);
        if (shown != text && shown[0] != '\\') FAIL_CHECK("U+", std::uint32_t(code));
    }
}
