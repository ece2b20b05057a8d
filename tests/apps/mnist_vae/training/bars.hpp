// Images that a small model learns in some epochs, and how weights are compared.
#pragma once

#include <cstring>
#include <span>

#include "../../../../core/io/idx.hpp"

namespace handgrad::test {

// Images of 4 x 4 pixels, each a bar at one of four places, some grey.
inline IdxImages bars(Index count) {
    IdxImages images{count, 4, 4, {}, ""};
    for (Index i = 0; i < count; ++i)
        for (Index p = 0; p < 16; ++p)
            images.pixels.push_back(p % 4 == i % 4 ? std::uint8_t(255 - i % 50) : std::uint8_t(0));
    return images;
}

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace handgrad::test
