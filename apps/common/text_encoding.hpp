// What editors do to a text beside its words.
#pragma once

#include <string_view>

namespace handgrad::apps {

// The text without the byte order mark of UTF-8, which some editors write at the start.
std::string_view skip_byte_order_mark(std::string_view text);

// "a UTF-16 text" or the like, if the text begins as one; null for one that may be UTF-8.
const char* other_encoding(std::string_view text);

}  // namespace handgrad::apps
