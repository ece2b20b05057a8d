// Grey pictures, and PNG files of them (through stb_image and stb_image_write).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../export.hpp"

namespace handgrad {

// 0 is black, 255 white; row-major, width * height pixels.
struct GrayImage {
    int width = 0, height = 0;
    std::vector<std::uint8_t> pixels;
};

// The bytes of an 8-bit grey PNG file. Throws Error(argument) unless width and height are from 1 to
// 32767 and there are as many pixels as they say.
HANDGRAD_API std::vector<std::byte> encode_png(const GrayImage& image);

// Encodes the image and replaces the file atomically. Throws as encode_png and replace_file do.
HANDGRAD_API void write_png(const std::string& path, const GrayImage& image);

// Any PNG up to 4096 x 4096 pixels and 16 MiB: colours become their luma (ITU-R BT.601),
// transparency shows white, 16 bits become 8. Throws Error(input) for anything else, saying what it
// looks like, and for a picture whose checksums show that it is damaged.
HANDGRAD_API GrayImage read_png(const std::string& path);

// The same of the bytes of a file; `path` names it in errors.
HANDGRAD_API GrayImage decode_png(std::span<const std::byte> bytes, const std::string& path);

}  // namespace handgrad
