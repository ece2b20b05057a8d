// Numbers as files of little-endian formats have them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <vector>

namespace handgrad::detail {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

// Appends the bytes of a number.
template <class Number>
void append_little_endian(std::vector<std::byte>& bytes, Number value) {
    const std::size_t end = bytes.size();
    bytes.resize(end + sizeof value);
    std::memcpy(bytes.data() + end, &value, sizeof value);
}

}  // namespace handgrad::detail
