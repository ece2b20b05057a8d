#include "idx.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "../error.hpp"
#include "file.hpp"
#include "gzip.hpp"
#include "sha256.hpp"

namespace handgrad {
namespace {

using Bytes = std::span<const std::byte>;

// What a caller wants: the dimensions by name, and what such a file is called in messages.
struct Wanted {
    const char* noun;
    std::span<const char* const> dimensions;

    std::size_t header_size() const { return 4 + 4 * dimensions.size(); }
};

constexpr std::array kImageDimensions = {"count", "rows", "columns"};
constexpr std::array kLabelDimensions = {"count"};
constexpr Wanted kImages = {"IDX images", kImageDimensions};
constexpr Wanted kLabels = {"IDX labels", kLabelDimensions};

struct Header {
    std::array<std::uint64_t, 3> sizes = {1, 1, 1};
    std::uint64_t file_size = 0;  // that the sizes call for, header included
};

std::string byte_count(std::uint64_t n) { return std::to_string(n) + " bytes"; }

std::string hex_byte(std::byte b) {
    char text[5];
    std::snprintf(text, sizeof text, "0x%02X", std::to_integer<unsigned>(b));
    return text;
}

// Files that are often found where an IDX file should be. An IDX file begins with two zeros, so
// there is no danger of a mistake.
void refuse_known_strangers(const std::string& path, Bytes head, const Wanted& wanted) {
    std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // UTF-8 byte order mark
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
        text.remove_prefix(1);
    if (text.starts_with('<'))
        throw Error(ErrorKind::input, path, "not an IDX file",
                    "what looks like an HTML or XML page (the download failed)", wanted.noun);
    if (text.starts_with("version https://git-lfs"))
        throw Error(ErrorKind::input, path, "not an IDX file",
                    "a Git LFS pointer (the file itself was not fetched)", wanted.noun);
}

const char* type_name(std::byte type) {
    switch (std::to_integer<int>(type)) {
        case 0x08:
            return "unsigned 8-bit";
        case 0x09:
            return "signed 8-bit";
        case 0x0B:
            return "16-bit";
        case 0x0C:
            return "32-bit";
        case 0x0D:
            return "float";
        case 0x0E:
            return "double";
        default:
            return "unknown";
    }
}

void check_magic_number(const std::string& path, Bytes head, const Wanted& wanted) {
    if (head[0] != std::byte{0} || head[1] != std::byte{0})
        throw Error(ErrorKind::input, path, "not an IDX file: wrong first two bytes",
                    hex_byte(head[0]) + " " + hex_byte(head[1]), "0x00 0x00");
    if (head[2] != std::byte{0x08})
        throw Error(ErrorKind::input, path, "IDX data of the wrong type",
                    hex_byte(head[2]) + " (" + type_name(head[2]) + ")", "0x08 (unsigned 8-bit)");
    const std::size_t dimensions = std::to_integer<std::size_t>(head[3]);
    if (dimensions == wanted.dimensions.size()) return;
    std::string found = std::to_string(dimensions);
    for (const Wanted& other : {kImages, kLabels})
        if (dimensions == other.dimensions.size()) found += std::string(" (") + other.noun + ")";
    throw Error(ErrorKind::input, path, "wrong number of dimensions", found,
                std::to_string(wanted.dimensions.size()) + " (" + wanted.noun + ")");
}

std::uint64_t big_endian_32(Bytes bytes) {
    std::uint64_t value = 0;
    for (std::byte b : bytes.first(4)) value = value << 8 | std::to_integer<std::uint64_t>(b);
    return value;
}

// Decodes the header at the start of `head`, which is the file's beginning, or all of a short file.
Header read_header(const std::string& path, Bytes head, const Wanted& wanted) {
    if (head.empty()) throw Error(ErrorKind::input, path, "empty file", "0 bytes", wanted.noun);
    refuse_known_strangers(path, head, wanted);
    if (head.size() < 4)
        throw Error(ErrorKind::input, path, "too short for an IDX file", byte_count(head.size()),
                    "at least " + byte_count(wanted.header_size()));
    check_magic_number(path, head, wanted);
    if (head.size() < wanted.header_size())
        throw Error(ErrorKind::input, path, "IDX header cut short", byte_count(head.size()),
                    byte_count(wanted.header_size()));

    Header header;
    std::uint64_t data = 1;
    const std::uint64_t limit = kMaxIdxBytes - wanted.header_size();
    for (std::size_t i = 0; i < wanted.dimensions.size(); ++i) {
        const std::uint64_t size = big_endian_32(head.subspan(4 + 4 * i));
        const std::string name = std::string("IDX size \"") + wanted.dimensions[i] + "\"";
        if (size == 0) throw Error(ErrorKind::input, path, name, "0", "at least 1");
        // Compared by division, so that no product can overflow; `data` is at least 1.
        if (size > limit / data)
            throw Error(ErrorKind::input, path, name + " makes the data too large",
                        std::to_string(size), "at most " + byte_count(kMaxIdxBytes) + " in all");
        header.sizes[i] = size;
        data *= size;
    }
    header.file_size = wanted.header_size() + data;
    return header;
}

[[noreturn]] void throw_wrong_length(const std::string& path, const Header& header,
                                     const std::string& found, bool shorter) {
    throw Error(ErrorKind::input, path,
                shorter ? "fewer bytes than the IDX header declares"
                        : "more bytes than the IDX header declares",
                found, byte_count(header.file_size));
}

// Unpacks in two passes: the first, through a small window, finds out whether all is well, so that
// memory is asked for only when it is known to be filled.
std::vector<std::byte> gunzip_idx(const std::string& path, Bytes compressed, const Wanted& wanted) {
    std::vector<std::byte> window(std::size_t{1} << 16);
    GunzipStream stream(path, compressed);
    std::size_t got = stream.read(window);
    const Header header = read_header(path, Bytes(window).first(got), wanted);
    std::uint64_t size = got;
    while (got == window.size() && size <= header.file_size) {
        got = stream.read(window);
        size += got;
    }
    if (size > header.file_size)
        throw_wrong_length(path, header, "at least " + byte_count(header.file_size + 1), false);
    if (size < header.file_size) throw_wrong_length(path, header, byte_count(size), true);

    std::vector<std::byte> file(static_cast<std::size_t>(size));
    GunzipStream(path, compressed).read(file);
    return file;
}

struct File {
    bool gzipped = false;
    Header header;
    std::vector<std::uint8_t> data;
    std::string sha256;
};

File parse_idx(std::vector<std::byte> bytes, const std::string& path, const Wanted& wanted) {
    File file;
    file.gzipped = is_gzip(bytes);
    if (file.gzipped) bytes = gunzip_idx(path, bytes, wanted);
    file.header = read_header(path, bytes, wanted);
    if (bytes.size() != file.header.file_size)
        throw_wrong_length(path, file.header, byte_count(bytes.size()),
                           bytes.size() < file.header.file_size);
    const Bytes data = Bytes(bytes).subspan(wanted.header_size());
    file.data.resize(data.size());
    std::memcpy(file.data.data(), data.data(), data.size());
    file.sha256 = sha256_hex(bytes);
    return file;
}

}  // namespace

IdxImages parse_idx_images(std::vector<std::byte> bytes, const std::string& path) {
    File file = parse_idx(std::move(bytes), path, kImages);
    const auto& [count, rows, cols] = file.header.sizes;
    return {static_cast<Index>(count), static_cast<Index>(rows), static_cast<Index>(cols),
            std::move(file.data),      std::move(file.sha256),   file.gzipped};
}

IdxLabels parse_idx_labels(std::vector<std::byte> bytes, const std::string& path) {
    File file = parse_idx(std::move(bytes), path, kLabels);
    const auto bad = std::find_if(file.data.begin(), file.data.end(),
                                  [](std::uint8_t label) { return label > 9; });
    if (bad != file.data.end())
        throw Error(ErrorKind::input, path,
                    "label at index " + std::to_string(bad - file.data.begin()) + " out of range",
                    std::to_string(*bad), "0 to 9");
    return {std::move(file.data), std::move(file.sha256), file.gzipped};
}

IdxImages read_idx_images(const std::filesystem::path& path) {
    return parse_idx_images(read_file(path.string(), kMaxIdxBytes), path.string());
}

IdxLabels read_idx_labels(const std::filesystem::path& path) {
    return parse_idx_labels(read_file(path.string(), kMaxIdxBytes), path.string());
}

}  // namespace handgrad
