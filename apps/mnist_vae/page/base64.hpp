// Base64 (RFC 4648, section 4, with padding), by nettle: bytes within a text.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace handgrad::apps::mnist_vae {

std::string base64(std::span<const std::byte> bytes);

// The bytes of numbers as they lie in memory, lower bytes first on every machine that this builds
// for; JavaScript's typed arrays read them so.
template <class Number>
std::string base64_of(std::span<const Number> numbers) {
    return base64(std::as_bytes(numbers));
}

}  // namespace handgrad::apps::mnist_vae
