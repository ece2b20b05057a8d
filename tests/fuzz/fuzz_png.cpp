// PNG pictures through our reader, and what is made of them. With an odd first byte the checksums
// of the chunks are set right before, so that mutations get as far as the decoder.
#include <zlib.h>

#include <algorithm>
#include <cmath>

#include "../../apps/mnist_vae/commands/user_image.hpp"
#include "../../core/io/png.hpp"
#include "target.hpp"

using namespace handgrad;

namespace {

std::uint32_t big_endian(const std::byte* b) {
    return std::uint32_t(b[0]) << 24 | std::uint32_t(b[1]) << 16 | std::uint32_t(b[2]) << 8 |
           std::uint32_t(b[3]);
}

// A chunk: length, type, data, CRC-32 of type and data.
void mend_checksums(std::vector<std::byte>& file) {
    std::size_t place = 8;
    while (place + 12 <= file.size()) {
        const std::size_t length = big_endian(file.data() + place);
        if (length > file.size() - place - 12) return;
        const auto* type = static_cast<const Bytef*>(static_cast<void*>(file.data() + place + 4));
        const std::uint32_t crc = std::uint32_t(crc32(0, type, uInt(length + 4)));
        for (std::size_t i = 0; i < 4; ++i)
            file[place + 8 + length + i] = std::byte(crc >> (24 - 8 * i));
        place += 12 + length;
    }
}

// Leaves other bytes where the decoder's stack will be: what it does not set itself would show.
[[gnu::noinline]] void stain_stack(std::uint8_t value) {
    volatile std::uint8_t stack[1 << 14];
    for (volatile std::uint8_t& byte : stack) byte = value;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::vector<std::byte> file = fuzz::to_bytes(data + 1, size - 1);
    if (data[0] % 2 == 1) mend_checksums(file);
    GrayImage image;
    stain_stack(0x55);
    if (!fuzz::may_refuse([&] { image = decode_png(file, "fuzz"); })) return 0;
    fuzz::require(image.width > 0 && image.height > 0);
    fuzz::require(image.pixels.size() == std::size_t(image.width) * std::size_t(image.height));
    // The rest costs time by the pixel.
    if (image.pixels.size() > 4096) return 0;
    stain_stack(0xAA);
    fuzz::require(decode_png(file, "once more").pixels == image.pixels);
    const GrayImage again = decode_png(encode_png(image), "again");
    fuzz::require(again.width == image.width && again.pixels == image.pixels);
    fuzz::may_refuse([&] {
        const auto digit = apps::mnist_vae::normalize_digit(image, 28, 28, "fuzz");
        fuzz::require(digit.size() == 28 * 28);
        fuzz::require(
            std::all_of(digit.begin(), digit.end(), [](float v) { return v >= 0 && v <= 1; }));
    });
    return 0;
}
