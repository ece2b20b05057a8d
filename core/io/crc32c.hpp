// CRC-32C, Castagnoli's checksum (RFC 3720, section 12.1), which tells whole records from cut ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "../export.hpp"

namespace handgrad {

HANDGRAD_API std::uint32_t crc32c(std::span<const std::byte> bytes);

}  // namespace handgrad
