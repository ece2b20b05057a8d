// The one exception type of the library. The library never prints and never exits: what went wrong
// travels in here, and an application decides what to say and which exit code to return.
#pragma once

#include <stdexcept>
#include <string>

#include "export.hpp"

namespace handgrad {

// What kind of thing is at fault; applications map each kind to an exit code.
enum class ErrorKind {
    argument,  // a caller's value or shape is out of range
    input,     // a file or stream that was read is not what it should be
    output,    // a file could not be written
    numeric,   // a computation left the finite numbers
    mismatch,  // a self-check found what should be equal to differ
};

// One failure, told in four parts: what went wrong, where, what was found, what was expected.
// Empty parts are left out of what(), which reads "where: what: found F, expected E"; there F is
// cut after 1000 bytes, and zero bytes are written as \x00.
class HANDGRAD_API Error : public std::runtime_error {
  public:
    // `found` and `expected` may be left out.
    Error(ErrorKind kind, std::string where, std::string what_failed, std::string found = {},
          std::string expected = {});

    // What kind of thing is at fault.
    ErrorKind kind() const noexcept { return kind_; }
    // The file, field or argument at fault, e.g. "data/mnist/train-labels-idx1-ubyte".
    const std::string& where() const noexcept { return where_; }
    const std::string& found() const noexcept { return found_; }
    const std::string& expected() const noexcept { return expected_; }

  private:
    ErrorKind kind_;
    std::string where_, found_, expected_;
};

}  // namespace handgrad
