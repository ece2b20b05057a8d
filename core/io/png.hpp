// Grey pictures, and PNG files of them (through stb_image and stb_image_write).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace handgrad {

// 0 is black, 255 white; row-major, width * height pixels.
struct GrayImage {
    int width = 0, height = 0;
    std::vector<std::uint8_t> pixels;
};

// Replaces the file atomically. Throws Error(output), or Error(argument) for an image whose sizes
// contradict one another.
void write_png(const std::string& path, const GrayImage& image);

// Any PNG up to 4096 x 4096 and 16 MiB: colours become their luma, transparency shows white, 16
// bits become 8. Throws Error(input) for anything else, saying what it looks like.
GrayImage read_png(const std::string& path);

}  // namespace handgrad
