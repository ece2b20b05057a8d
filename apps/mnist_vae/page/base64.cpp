#include "base64.hpp"

#include <nettle/base64.h>

#include <bit>

namespace handgrad::apps::mnist_vae {

static_assert(std::endian::native == std::endian::little);

std::string base64(std::span<const std::byte> bytes) {
    std::string text(BASE64_ENCODE_RAW_LENGTH(bytes.size()), '\0');
    base64_encode_raw(text.data(), bytes.size(),
                      reinterpret_cast<const std::uint8_t*>(bytes.data()));
    return text;
}

}  // namespace handgrad::apps::mnist_vae
