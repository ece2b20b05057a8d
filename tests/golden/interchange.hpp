// interchange.json: small files of other formats, as their own packages wrote them
// (make_interchange.py).
#pragma once

#include <cstddef>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace handgrad::test {

// The file of that name, as hexadecimal digits.
inline std::string golden_hex(const std::string& name) {
    std::ifstream file(HANDGRAD_SOURCE_DIR "/tests/golden/interchange.json");
    return nlohmann::json::parse(file).at(name).get<std::string>();
}

inline std::string to_hex(std::span<const std::byte> bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string hex;
    for (const std::byte byte : bytes) {
        hex += kDigits[static_cast<int>(byte) >> 4];
        hex += kDigits[static_cast<int>(byte) & 15];
    }
    return hex;
}

}  // namespace handgrad::test
