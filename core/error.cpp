#include "error.hpp"

#include <utility>

namespace handgrad {

static std::string compose(const std::string& where, const std::string& what_failed,
                           const std::string& found, const std::string& expected) {
    std::string message = where.empty() ? what_failed : where + ": " + what_failed;
    if (!found.empty()) message += ": found " + found;
    if (!expected.empty()) message += (found.empty() ? ": expected " : ", expected ") + expected;
    return message;
}

Error::Error(ErrorKind kind, std::string where, std::string what_failed, std::string found,
             std::string expected)
    : std::runtime_error(compose(where, what_failed, found, expected)),
      kind_(kind),
      where_(std::move(where)),
      found_(std::move(found)),
      expected_(std::move(expected)) {}

}  // namespace handgrad
