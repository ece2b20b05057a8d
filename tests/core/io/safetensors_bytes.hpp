// Safetensors files for tests, put together byte by byte from the format's description, without the
// code under test: one good file, and everything that can be wrong with it, one thing at a time.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad::test::safetensors {

using Bytes = std::vector<std::byte>;

inline void append(Bytes& bytes, std::string_view text) {
    for (char c : text) bytes.push_back(static_cast<std::byte>(c));
}

inline Bytes length_field(std::uint64_t length) {
    Bytes bytes;
    for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::byte>(length >> 8 * i & 255));
    return bytes;
}

// A file of this header, and zeros for data.
inline Bytes file_of(std::string_view header, std::size_t data_bytes) {
    Bytes bytes = length_field(header.size());
    append(bytes, header);
    bytes.resize(bytes.size() + data_bytes);
    return bytes;
}

// The header of the good file: two tensors, 24 and 8 bytes.
inline const std::string kHeader = R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                                   R"("b":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}})";

// `header` with the first `from` replaced, which must be there.
inline std::string with(std::string header, std::string_view from, std::string_view to) {
    const std::size_t place = header.find(from);
    REQUIRE(place != header.npos);
    return header.replace(place, from.size(), to);
}

// The good file with one change in its header.
inline Bytes changed(std::string_view from, std::string_view to) {
    return file_of(with(kHeader, from, to), 32);
}

inline Bytes with_metadata(std::string_view metadata) {
    return changed("{", "{\"__metadata__\":" + std::string(metadata) + ",");
}

// An array of `dimensions` sizes for six elements.
inline std::string shape_of_six(int dimensions) {
    std::string shape = "[6";
    for (int i = 1; i < dimensions; ++i) shape += ",1";
    return shape + "]";
}

struct BadFile {
    const char* defect;
    Bytes bytes;
    const char* message;  // its beginning, after the name of the file
};

// What can be wrong with the file as a whole.
inline std::vector<BadFile> bad_frames() {
    return {
        {"empty file", Bytes(),
         "too short for a safetensors file: found 0 bytes, expected at least 8"},
        {"length cut", Bytes(7),
         "too short for a safetensors file: found 7 bytes, expected at least 8"},
        {"length over limit", length_field((16 << 20) + 1),
         "header too long, or no safetensors file: found 16777217 bytes, expected at most "
         "16777216"},
        {"length over file", length_field(16 << 20),
         "the header is cut short: found 0 bytes, expected 16777216"},
        {"length overflows", length_field(std::numeric_limits<std::uint64_t>::max()),
         "header too long, or no safetensors file: found 18446744073709551615 bytes"},
        {"header empty", length_field(0), "not a safetensors file: found an empty header"},
        {"header begins with space", file_of(" " + kHeader, 32),
         "not a safetensors file: found \" \""},
        {"header is array", file_of("[]", 0), "not a safetensors file: found \"[\""},
        {"header cut", file_of(kHeader.substr(0, 40), 32),
         "the header is not valid JSON in UTF-8: found an error at its byte 41"},
        {"header not utf8", changed("\"a\"", "\"\xff\""),
         "the header is not valid JSON in UTF-8: found an error at its byte 3"},
        {"header ends early", file_of(kHeader + std::string("\0{}", 3), 32),
         "the header: found a zero byte"},
        {"header followed by text", file_of(kHeader + "{}", 32),
         "the header is not valid JSON in UTF-8: found an error at its byte 113"},
        {"header has comment", changed("{", "{/**/"),
         "the header is not valid JSON in UTF-8: found an error at its byte 2"},
        {"data cut", file_of(kHeader, 31),
         "the data are cut short: found 31 bytes of data, expected 32"},
        {"data followed", file_of(kHeader, 33),
         "something follows the last tensor: found 33 bytes of data, expected 32"},
        {"no tensor but data", file_of("{}", 4),
         "something follows the last tensor: found 4 bytes of data, expected 0"},
    };
}

// What can be wrong with the entries of the header.
inline std::vector<BadFile> bad_entries() {
    return {
        {"tensor twice", changed("\"b\"", "\"a\""), "the header: found \"a\" twice"},
        {"tensor is number", changed("}}", "},\"c\":1}"),
         "the header's entry \"c\": found 1, expected an object"},
        {"tensor is null", changed("}}", "},\"c\":null}"), "the header's entry \"c\": found null"},
        {"field twice", changed("\"shape\":[2]", "\"shape\":[2],\"shape\":[2]"),
         "tensor \"b\": found shape twice"},
        {"field unknown", changed("\"shape\":[2]", "\"shape\":[2],\"shapes\":[2]"),
         "tensor \"b\": found a field \"shapes\""},
        {"dtype missing", changed("\"dtype\":\"F32\",", ""), "tensor \"a\": found no dtype"},
        {"shape missing", changed("\"shape\":[2,3],", ""), "tensor \"a\": found no shape"},
        {"offsets missing", changed(",\"data_offsets\":[0,24]", ""),
         "tensor \"a\": found no data_offsets"},
        {"metadata twice",
         file_of(with(kHeader, "{", R"({"__metadata__":{},"__metadata__":{},)"), 32),
         "the header: found \"__metadata__\" twice"},
        {"metadata key twice", with_metadata(R"({"k":"1","k":"1"})"),
         "the metadata: found \"k\" twice"},
        {"metadata is list", with_metadata("[]"),
         "the header's entry \"__metadata__\": found an array"},
        {"metadata value is number", with_metadata(R"({"k":7})"),
         "metadata \"k\": found 7, expected a string"},
        {"metadata value is object", with_metadata(R"({"k":{}})"),
         "metadata \"k\": found an object"},
    };
}

// What can be wrong with the description of a tensor.
inline std::vector<BadFile> bad_tensors() {
    return {
        {"dtype unknown", changed("F32", "F31"), "dtype of tensor \"a\": found \"F31\""},
        {"dtype is number", changed("\"F32\"", "32"),
         "dtype of tensor \"a\": found 32, expected a string"},
        {"shape is string", changed("[2,3]", "\"6\""), "shape of tensor \"a\": found a string"},
        {"shape negative", changed("[2,3]", "[-2,-3]"), "shape of tensor \"a\": found -2"},
        {"shape fraction", changed("[2,3]", "[2.0,3]"), "shape of tensor \"a\": found 2.0"},
        {"shape nested", changed("[2,3]", "[[2,3]]"), "shape of tensor \"a\": found an array"},
        {"shape over 64 bits", changed("[2,3]", "[18446744073709551616]"),
         "shape of tensor \"a\": found 18446744073709551616"},
        {"shape overflows", changed("[2,3]", "[4294967296,4294967296]"),
         "shape of tensor \"a\": found [4294967296,4294967296]"},
        {"shape of many dimensions", changed("[2,3]", shape_of_six(65)),
         "shape of tensor \"a\": found more dimensions"},
        {"offsets of one", changed("[0,24]", "[24]"),
         "data_offsets of tensor \"a\": found 1 numbers"},
        {"offsets of three", changed("[0,24]", "[0,24,24]"),
         "data_offsets of tensor \"a\": found 3 numbers"},
        {"offsets negative", changed("[0,24]", "[-1,23]"),
         "data_offsets of tensor \"a\": found -1"},
        {"end before begin", changed("[24,32]", "[32,24]"),
         "data_offsets of tensor \"b\": found an end of 24"},
        {"size differs", changed("[2,3]", "[2,2]"),
         "shape and data_offsets of tensor \"a\" disagree: found 24 bytes, expected 16"},
        {"first not at zero",
         file_of(with(with(kHeader, "[24,32]", "[28,36]"), "[0,24]", "[4,28]"), 36),
         "a gap before tensor \"a\": found a begin of 4, expected 0"},
        {"hole", file_of(with(kHeader, "[24,32]", "[28,36]"), 36),
         "a gap before tensor \"b\": found a begin of 28, expected 24"},
        {"overlap", file_of(with(kHeader, "[24,32]", "[20,28]"), 28),
         "an overlap before tensor \"b\": found a begin of 20, expected 24"},
        {"same place", file_of(with(with(kHeader, "[2]", "[2,3]"), "[24,32]", "[0,24]"), 24),
         "an overlap before tensor \"b\": found a begin of 0, expected 24"},
    };
}

}  // namespace handgrad::test::safetensors
