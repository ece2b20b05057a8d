// The one translation unit of stb: decoders other than PNG's, which have had holes, stay out.
#include "png.hpp"

#include <zlib.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "../error.hpp"
#include "atomic_file.hpp"
#include "file.hpp"

namespace {

// stb_image_write's own compressor is weak; zlib's is at hand. The caller frees with free().
unsigned char* compress_with_zlib(unsigned char* data, int length, int* out_length, int quality) {
    uLongf size = compressBound(static_cast<uLong>(length));
    auto* out = static_cast<unsigned char*>(std::malloc(size));
    if (out == nullptr) return nullptr;
    if (compress2(out, &size, data, static_cast<uLong>(length), quality) != Z_OK) {
        std::free(out);
        return nullptr;
    }
    *out_length = static_cast<int>(size);
    return out;
}

}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 4096
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#define STBIW_ZLIB_COMPRESS compress_with_zlib
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace handgrad {

namespace {

constexpr std::uint64_t kMaxPngBytes = 16 << 20;

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};

bool begins_with(std::span<const std::byte> bytes, const char* magic, std::size_t length) {
    return bytes.size() >= length && std::memcmp(bytes.data(), magic, length) == 0;
}

const char* describe(std::span<const std::byte> bytes) {
    if (bytes.empty()) return "an empty file";
    if (begins_with(bytes, "\xff\xd8\xff", 3)) return "a JPEG picture";
    if (begins_with(bytes, "GIF8", 4)) return "a GIF picture";
    if (begins_with(bytes, "BM", 2)) return "a BMP picture";
    if (begins_with(bytes, "RIFF", 4)) return "a WebP picture or another RIFF file";
    if (begins_with(bytes, "<", 1)) return "an HTML, XML or SVG text";
    return "something else";
}

// ITU-R BT.601 luma of a pixel of 1 to 4 channels, composed over white by its alpha.
std::uint8_t grey_of(const stbi_uc* pixel, int channels) {
    const int luma = channels >= 3 ? (299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) / 1000
                                   : pixel[0];
    const int alpha = channels % 2 == 0 ? pixel[channels - 1] : 255;
    return static_cast<std::uint8_t>((luma * alpha + 255 * (255 - alpha) + 127) / 255);
}

}  // namespace

void write_png(const std::string& path, const GrayImage& image) {
    if (image.width < 1 || image.height < 1 ||
        image.pixels.size() != std::size_t(image.width) * std::size_t(image.height))
        throw Error(ErrorKind::argument, path, "no picture of this size",
                    std::to_string(image.width) + " x " + std::to_string(image.height) + " with " +
                        std::to_string(image.pixels.size()) + " pixels");
    int length = 0;
    const std::unique_ptr<unsigned char, Free> png(stbi_write_png_to_mem(
        image.pixels.data(), image.width, image.width, image.height, 1, &length));
    if (png == nullptr) throw std::bad_alloc();
    replace_file(path, std::as_bytes(std::span(png.get(), std::size_t(length))));
}

GrayImage read_png(const std::string& path) {
    const std::vector<std::byte> bytes = read_file(path, kMaxPngBytes);
    if (!begins_with(bytes, "\x89PNG\r\n\x1a\n", 8))
        throw Error(ErrorKind::input, path, "not a PNG picture", describe(bytes), "a PNG picture");
    const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
    const int size = static_cast<int>(bytes.size());
    int width = 0, height = 0, channels = 0;
    if (!stbi_info_from_memory(data, size, &width, &height, &channels))
        throw Error(ErrorKind::input, path, "a damaged PNG picture", stbi_failure_reason(),
                    "at most 4096 x 4096 pixels");
    const std::unique_ptr<stbi_uc, Free> pixels(
        stbi_load_from_memory(data, size, &width, &height, &channels, 0));
    if (pixels == nullptr)
        throw Error(ErrorKind::input, path, "a damaged PNG picture", stbi_failure_reason());

    GrayImage image{width, height, {}};
    const std::size_t count = std::size_t(width) * std::size_t(height);
    image.pixels.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        image.pixels.push_back(grey_of(pixels.get() + i * std::size_t(channels), channels));
    return image;
}

}  // namespace handgrad
