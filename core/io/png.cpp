// The one translation unit of stb: decoders other than PNG's, which have had holes, stay out.
#include "png.hpp"

#include <zlib.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string_view>

#include "../error.hpp"
#include "atomic_file.hpp"
#include "file.hpp"

namespace {

constexpr int kMaxSideToRead = 4096;
// stb_image unpacks as long as there is data and memory, whatever the size of the picture. The
// largest one needs 4096 * 4096 pixels of 4 channels of 2 bytes and some bytes for every row; twice
// that, because the buffer grows by doubling.
constexpr std::size_t kMaxAllocation =
    2 * std::size_t{kMaxSideToRead} * (kMaxSideToRead + 2) * 4 * 2;

void* allocate(std::size_t size) { return size <= kMaxAllocation ? std::malloc(size) : nullptr; }

void* reallocate(void* memory, std::size_t size) {
    return size <= kMaxAllocation ? std::realloc(memory, size) : nullptr;
}

// At level 8, which stb_image_write asks for, a picture of 13 million pixels takes 18 s and has 3.8
// MB; at this one it takes 0.8 s and has 4.2 MB.
constexpr int kCompressionLevel = 4;

// stb_image_write's own compressor is weak; zlib's is at hand. The caller frees with free().
unsigned char* compress_with_zlib(unsigned char* data, int length, int* out_length, int) {
    uLongf size = compressBound(static_cast<uLong>(length));
    auto* out = static_cast<unsigned char*>(std::malloc(size));
    if (out == nullptr) return nullptr;
    if (compress2(out, &size, data, static_cast<uLong>(length), kCompressionLevel) != Z_OK) {
        std::free(out);
        return nullptr;
    }
    *out_length = static_cast<int>(size);
    return out;
}

// A broken assumption of stb's must not end the program of the caller.
void stb_assert(bool holds) {
    if (!holds)
        throw handgrad::Error(handgrad::ErrorKind::input, "PNG picture",
                              "the decoder met a state that it did not expect");
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
#define STBI_MAX_DIMENSIONS kMaxSideToRead
#define STBI_FAILURE_USERMSG
#define STBI_ASSERT(condition) stb_assert(condition)
#define STBI_MALLOC(size) allocate(size)
#define STBI_REALLOC(memory, size) reallocate(memory, size)
#define STBI_FREE(memory) std::free(memory)
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#define STBIW_ZLIB_COMPRESS compress_with_zlib
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace handgrad {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint64_t kMaxPngBytes = 16 << 20;
// stb_image_write counts the bytes of a picture in an int: (32767 + 1) * 32767 < 2^31.
constexpr int kMaxSideToWrite = 32767;
constexpr std::uint32_t kPaletteBytes = 256 * 3;
constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};

[[noreturn]] void refuse(const std::string& path, const std::string& what, const std::string& found,
                         const std::string& expected) {
    throw Error(ErrorKind::input, path, what, found, expected);
}

std::string_view text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const char* describe(std::string_view file) {
    if (file.empty()) return "an empty file";
    if (file.starts_with("\xff\xd8\xff")) return "a JPEG picture";
    if (file.starts_with("GIF8")) return "a GIF picture";
    if (file.starts_with("BM")) return "a BMP picture";
    if (file.starts_with("RIFF")) return "a WebP picture or another RIFF file";
    const std::size_t first = file.find_first_not_of(" \t\r\n");
    if (first != file.npos && file[first] == '<') return "an HTML, XML or SVG text";
    if (kSignature.starts_with(file)) return "the first few bytes of a PNG picture";
    return "something else";
}

std::uint32_t big_endian(Bytes four) {
    std::uint32_t value = 0;
    for (std::byte b : four.first(4)) value = value << 8 | std::to_integer<std::uint32_t>(b);
    return value;
}

// A chunk is: length of the data, type, data, CRC-32 of type and data (PNG specification, section
// 5). stb_image does not look at the CRC, and would show a damaged picture; and it copies to a null
// pointer if the pixels begin with an empty chunk, which no encoder writes. Returns the chunk of
// the palette, from its length on; empty if there is none.
Bytes check_chunks(const std::string& path, Bytes file) {
    bool has_pixels = false;
    Bytes palette;
    for (std::size_t place = kSignature.size(); place < file.size();) {
        const Bytes rest = file.subspan(place);
        if (rest.size() < 12 || big_endian(rest) > rest.size() - 12) break;
        const std::uint32_t length = big_endian(rest);
        const Bytes type_and_data = rest.subspan(4, 4 + length);
        const uLong crc =
            crc32(0, reinterpret_cast<const Bytef*>(type_and_data.data()), 4 + length);
        if (crc != big_endian(rest.subspan(8 + length)))
            refuse(path, "a damaged PNG picture",
                   "a wrong checksum in the chunk at byte " + std::to_string(place),
                   "the right one");
        const std::string_view type = text_of(type_and_data.first(4));
        if (type == "IEND") return palette;
        if (type == "PLTE" && !palette.empty())
            refuse(path, "a PNG picture that cannot be decoded", "a second palette", "one");
        if (type == "PLTE") palette = rest.first(12 + length);
        if (type == "IDAT" && length == 0 && !has_pixels)
            refuse(path, "a PNG picture that cannot be decoded", "an empty first chunk IDAT",
                   "pixels");
        has_pixels = has_pixels || type == "IDAT";
        place += 12 + length;
    }
    refuse(path, "a PNG picture that is cut short", std::to_string(file.size()) + " bytes",
           "more, with a chunk IEND at the end");
}

// The file with a palette of full length. Pixels beyond the end of a shorter one would get what
// stb_image's stack held before; here they are black, as in libpng. (The checksum, which no longer
// fits, has been looked at.)
std::vector<std::byte> pad_palette(Bytes file, Bytes palette) {
    const std::uint32_t length = big_endian(palette);
    if (length == 0 || length >= kPaletteBytes || length % 3 != 0)
        return {file.begin(), file.end()};  // full, or for stb_image to refuse
    const auto end = file.begin() + (palette.data() + palette.size() - file.data());
    std::vector<std::byte> padded(file.begin(), end - 4);
    std::byte* length_field = padded.data() + (palette.data() - file.data());
    length_field[2] = std::byte{kPaletteBytes >> 8};
    length_field[3] = std::byte{kPaletteBytes & 0xFF};
    padded.resize(padded.size() + kPaletteBytes - length);
    padded.insert(padded.end(), end - 4, file.end());
    return padded;
}

[[noreturn]] void refuse_undecodable(const std::string& path) {
    const char* reason = stbi_failure_reason();  // not every failure has one
    refuse(path, "a PNG picture that cannot be decoded",
           reason != nullptr ? reason : "damaged data", "at most 4096 x 4096 pixels of sound data");
}

// ITU-R BT.601 luma of a pixel of 1 to 4 channels, composed over white by its alpha.
std::uint8_t grey_of(const stbi_uc* pixel, int channels) {
    const int luma =
        channels >= 3 ? (299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) / 1000 : pixel[0];
    const int alpha = channels % 2 == 0 ? pixel[channels - 1] : 255;
    return static_cast<std::uint8_t>((luma * alpha + 255 * (255 - alpha) + 127) / 255);
}

}  // namespace

std::vector<std::byte> encode_png(const GrayImage& image) {
    const auto is_side = [](int side) { return 1 <= side && side <= kMaxSideToWrite; };
    if (!is_side(image.width) || !is_side(image.height) ||
        image.pixels.size() != std::size_t(image.width) * std::size_t(image.height))
        throw Error(ErrorKind::argument, "encode_png", "the size of the picture",
                    std::to_string(image.width) + " x " + std::to_string(image.height) + " with " +
                        std::to_string(image.pixels.size()) + " pixels",
                    "sides from 1 to 32767 and a pixel for each place");
    int length = 0;
    const std::unique_ptr<unsigned char, Free> png(stbi_write_png_to_mem(
        image.pixels.data(), image.width, image.width, image.height, 1, &length));
    if (png == nullptr) throw std::bad_alloc();
    const Bytes bytes = std::as_bytes(std::span(png.get(), std::size_t(length)));
    return {bytes.begin(), bytes.end()};
}

void write_png(const std::string& path, const GrayImage& image) {
    replace_file(path, encode_png(image));
}

GrayImage read_png(const std::string& path) {
    return decode_png(read_file(path, kMaxPngBytes), path);
}

GrayImage decode_png(std::span<const std::byte> bytes, const std::string& path) {
    if (!text_of(bytes).starts_with(kSignature))
        refuse(path, "not a PNG picture", describe(text_of(bytes)), "a PNG picture");
    std::vector<std::byte> padded;
    if (const Bytes palette = check_chunks(path, bytes); !palette.empty()) {
        padded = pad_palette(bytes, palette);
        bytes = padded;
    }

    const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
    const int size = static_cast<int>(bytes.size());
    int width = 0, height = 0, channels = 0;
    if (!stbi_info_from_memory(data, size, &width, &height, &channels)) refuse_undecodable(path);
    const std::unique_ptr<stbi_uc, Free> pixels(
        stbi_load_from_memory(data, size, &width, &height, &channels, /*desired_channels=*/0));
    if (pixels == nullptr) refuse_undecodable(path);

    GrayImage image{width, height, {}};
    const std::size_t count = std::size_t(width) * std::size_t(height);
    image.pixels.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        image.pixels.push_back(grey_of(pixels.get() + i * std::size_t(channels), channels));
    return image;
}

}  // namespace handgrad
