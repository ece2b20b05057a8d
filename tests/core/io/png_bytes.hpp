// PNG files for tests, put together byte by byte from the PNG specification, without stb and zlib.
#pragma once

#include <string_view>

#include "idx_bytes.hpp"

namespace handgrad::test::png {

// The types of pixels, by their numbers in the specification.
enum Colour : std::uint8_t { grey = 0, rgb = 2, palette = 3, grey_alpha = 4, rgba = 6 };

inline const Bytes kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

inline Bytes chunk(const char* type, const Bytes& data) {
    Bytes type_and_data = text(type);
    append(type_and_data, data);
    Bytes bytes = big_endian(std::uint32_t(data.size()));
    append(bytes, type_and_data);
    append(bytes, big_endian(crc32(type_and_data)));
    return bytes;
}

// A zlib stream (RFC 1950) of one stored block of at most 65535 bytes.
inline Bytes zlib_stream(const Bytes& contents) {
    const std::uint16_t length = std::uint16_t(contents.size()),
                        complement = std::uint16_t(~length);
    Bytes stream;
    append(stream, {0x78, 0x01, 1});
    append(stream, {std::uint8_t(length), std::uint8_t(length >> 8), std::uint8_t(complement),
                    std::uint8_t(complement >> 8)});
    append(stream, contents);
    std::uint32_t a = 1, b = 0;  // Adler-32
    for (std::uint8_t byte : contents) {
        a = (a + byte) % 65521;
        b = (b + a) % 65521;
    }
    append(stream, big_endian(b << 16 | a));
    return stream;
}

inline Bytes header(std::uint32_t width, std::uint32_t height, std::uint8_t depth, Colour colour,
                    std::uint8_t interlace = 0) {
    Bytes data = big_endian(width);
    append(data, big_endian(height));
    append(data, {depth, colour, 0, 0, interlace});
    return chunk("IHDR", data);
}

// A file of one row of `width` pixels, whose bytes are `row`; `before` is put before its data.
inline Bytes one_row(std::uint32_t width, std::uint8_t depth, Colour colour, const Bytes& row,
                     const Bytes& before = {}) {
    Bytes filtered = {0};  // no filter
    append(filtered, row);
    Bytes file = kSignature;
    append(file, header(width, 1, depth, colour));
    append(file, before);
    append(file, chunk("IDAT", zlib_stream(filtered)));
    append(file, chunk("IEND", {}));
    return file;
}

}  // namespace handgrad::test::png
