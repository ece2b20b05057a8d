// Reading a whole file, with nothing taken for granted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../export.hpp"

namespace handgrad {

// The bytes of a regular file. Throws Error(input) naming the path if it is missing, unreadable,
// anything but a regular file (a folder, a pipe, a device), larger than max_bytes, or if it changes
// its size while being read. Never waits for a pipe, and takes no more memory than the file is
// long.
HANDGRAD_API std::vector<std::byte> read_file(const std::string& path, std::uint64_t max_bytes);

// The length of a regular file. Throws Error(input) for what read_file would not open.
HANDGRAD_API std::uint64_t regular_file_size(const std::string& path);

}  // namespace handgrad
