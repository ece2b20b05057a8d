// IDX and gzip files for tests, put together byte by byte from their specifications, without the
// code under test and without zlib.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

namespace handgrad::test {

using Bytes = std::vector<std::uint8_t>;

inline void append(Bytes& bytes, const Bytes& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

inline Bytes big_endian(std::uint32_t value) {
    return {std::uint8_t(value >> 24), std::uint8_t(value >> 16), std::uint8_t(value >> 8),
            std::uint8_t(value)};
}

inline Bytes little_endian(std::uint32_t value) {
    Bytes bytes = big_endian(value);
    std::reverse(bytes.begin(), bytes.end());
    return bytes;
}

// The header alone, with any number of sizes.
inline Bytes idx_header(std::uint8_t type, const std::vector<std::uint32_t>& sizes) {
    Bytes bytes = {0, 0, type, std::uint8_t(sizes.size())};
    for (std::uint32_t size : sizes) append(bytes, big_endian(size));
    return bytes;
}

// Pixel number i is (7 i + 1) mod 256.
inline Bytes idx_images(std::uint32_t count, std::uint32_t rows, std::uint32_t cols) {
    Bytes bytes = idx_header(0x08, {count, rows, cols});
    for (std::size_t i = 0; i < std::size_t(count) * rows * cols; ++i)
        bytes.push_back(std::uint8_t(7 * i + 1));
    return bytes;
}

// Label number i is i mod 10.
inline Bytes idx_labels(std::uint32_t count) {
    Bytes bytes = idx_header(0x08, {count});
    for (std::uint32_t i = 0; i < count; ++i) bytes.push_back(std::uint8_t(i % 10));
    return bytes;
}

// CRC-32 as in RFC 1952, bit by bit.
inline std::uint32_t crc32(const Bytes& bytes) {
    std::uint32_t crc = 0xFFFFFFFF;
    for (std::uint8_t byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
    }
    return ~crc;
}

inline Bytes gzip_header() { return {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255}; }

// A gzip member (RFC 1952) of stored blocks (RFC 1951, 3.2.4): 23 bytes longer than the contents if
// these have at most 65535 bytes, so that every damage is where the test puts it:
// 10 bytes header, then 5 bytes of block, the contents, 4 bytes CRC-32, 4 bytes length.
inline Bytes gzip(const Bytes& contents) {
    Bytes member = gzip_header();
    std::size_t done = 0;
    do {
        const std::size_t n = std::min<std::size_t>(contents.size() - done, 65535);
        const std::uint16_t length = std::uint16_t(n), complement = std::uint16_t(~length);
        member.push_back(done + n == contents.size());  // 1 in the last block
        append(member, {std::uint8_t(length), std::uint8_t(length >> 8), std::uint8_t(complement),
                        std::uint8_t(complement >> 8)});
        member.insert(member.end(), contents.begin() + std::ptrdiff_t(done),
                      contents.begin() + std::ptrdiff_t(done + n));
        done += n;
    } while (done < contents.size());
    append(member, little_endian(crc32(contents)));
    append(member, little_endian(std::uint32_t(contents.size())));
    return member;
}

// What a page or pointer consists of.
inline Bytes text(const char* characters) {
    Bytes bytes;
    for (; *characters; ++characters) bytes.push_back(std::uint8_t(*characters));
    return bytes;
}

inline std::filesystem::path write_file(const std::filesystem::path& path, const Bytes& bytes) {
    std::ofstream file(path, std::ios::binary);
    file.exceptions(std::ios::failbit | std::ios::badbit);
    file.write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
    file.close();
    return path;
}

}  // namespace handgrad::test
