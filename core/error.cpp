#include "error.hpp"

#include <utility>

namespace handgrad {

// What was found may be a whole hostile file: a line for a person does not grow without bound, and
// is not cut within a character of UTF-8.
static std::string shorten(const std::string& found) {
    constexpr std::size_t kMost = 1000;
    if (found.size() <= kMost) return found;
    std::size_t end = kMost;
    // A character has three bytes of that kind at most; more of them are no UTF-8.
    while (end > kMost - 3 && (static_cast<unsigned char>(found[end]) & 0xC0) == 0x80) --end;
    return found.substr(0, end) + "...";
}

// what() ends at the first zero byte, which must not hide the rest.
static std::string without_zero_bytes(const std::string& text) {
    std::string result;
    for (const char c : text) result += c == '\0' ? "\\x00" : std::string(1, c);
    return result;
}

static std::string compose(const std::string& where, const std::string& what_failed,
                           const std::string& found, const std::string& expected) {
    std::string message = where.empty() ? what_failed : where + ": " + what_failed;
    if (!found.empty()) message += ": found " + shorten(found);
    if (!expected.empty()) message += (found.empty() ? ": expected " : ", expected ") + expected;
    return without_zero_bytes(message);
}

Error::Error(ErrorKind kind, std::string where, std::string what_failed, std::string found,
             std::string expected)
    : std::runtime_error(compose(where, what_failed, found, expected)),
      kind_(kind),
      where_(std::move(where)),
      found_(std::move(found)),
      expected_(std::move(expected)) {}

}  // namespace handgrad
