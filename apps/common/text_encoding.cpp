#include "text_encoding.hpp"

namespace handgrad::apps {

using namespace std::string_view_literals;

std::string_view skip_byte_order_mark(std::string_view text) {
    constexpr std::string_view kMark = "\xEF\xBB\xBF";
    if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
    return text;
}

const char* other_encoding(std::string_view text) {
    // The mark of UTF-32 in the order of most machines begins as that of UTF-16 does.
    if (text.starts_with("\xFF\xFE\0\0"sv) || text.starts_with("\0\0\xFE\xFF"sv))
        return "a UTF-32 text";
    if (text.starts_with("\xFF\xFE"sv) || text.starts_with("\xFE\xFF"sv)) return "a UTF-16 text";
    // Without a mark, a letter of ASCII is one with a zero byte beside it.
    if (text.size() >= 2 && (text[0] == '\0') != (text[1] == '\0')) return "a UTF-16 text";
    return nullptr;
}

}  // namespace handgrad::apps
