// What the fuzz targets share. A target takes any bytes; an Error of kind input or argument is an
// answer, everything else that leaves the code under test is a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "../../core/error.hpp"

// Called by libFuzzer, or by replay_main.cpp, for each input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace handgrad::fuzz {

inline std::vector<std::byte> to_bytes(const std::uint8_t* data, std::size_t size) {
    const std::byte* begin = reinterpret_cast<const std::byte*>(data);
    return {begin, begin + size};
}

inline std::string to_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// A property that has to hold, in every build.
inline void require(bool holds) {
    if (!holds) std::abort();
}

// Runs `body`; returns whether it accepted its input. Refusing must be said in a message of one
// line's length.
template <class Body>
bool may_refuse(Body&& body) {
    try {
        body();
        return true;
    } catch (const Error& error) {
        require(error.kind() == ErrorKind::input || error.kind() == ErrorKind::argument);
        require(error.what()[0] != '\0');
        return false;
    }
}

}  // namespace handgrad::fuzz
