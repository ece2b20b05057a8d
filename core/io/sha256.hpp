// SHA-256 (FIPS 180-4), by nettle: what tells data sets apart and checkpoints whole from damaged.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "../export.hpp"

namespace handgrad {

// The digest of a message that comes in pieces.
class HANDGRAD_API Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    void add(std::span<const std::byte> bytes);
    // 64 lower-case hexadecimal digits, and a fresh start.
    std::string finish();

  private:
    struct State;  // nettle's type stays out of this header
    std::unique_ptr<State> state_;
};

// The digest of one message, as 64 lower-case hexadecimal digits.
HANDGRAD_API std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace handgrad
