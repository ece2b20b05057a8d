#include "idx.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdio>
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

// Where the bytes of a file come from: the disk, or memory.
class Input {
  public:
    virtual ~Input() = default;
    virtual std::uint64_t left() const = 0;
    virtual void read(std::span<std::byte> out) = 0;  // at most left()
    virtual void expect_end() = 0;
    virtual void rewind() = 0;
};

class FileInput final : public Input {
  public:
    explicit FileInput(const std::string& path) : file_(path) { check_size(file_, kMaxIdxBytes); }
    std::uint64_t left() const override { return file_.left(); }
    void read(std::span<std::byte> out) override { file_.read(out); }
    void expect_end() override { file_.expect_end(); }
    void rewind() override { file_.rewind(); }

  private:
    InputFile file_;
};

class MemoryInput final : public Input {
  public:
    explicit MemoryInput(Bytes bytes) : bytes_(bytes) {}
    std::uint64_t left() const override { return bytes_.size() - place_; }
    void read(std::span<std::byte> out) override {
        std::copy_n(bytes_.begin() + std::ptrdiff_t(place_), out.size(), out.begin());
        place_ += out.size();
    }
    void expect_end() override {}  // memory does not change
    void rewind() override { place_ = 0; }

  private:
    Bytes bytes_;
    std::size_t place_ = 0;
};

constexpr std::size_t kWindowBytes = std::size_t{1} << 16;

// The next bytes of the input, as many as the window holds if there are.
Bytes read_window(Input& input, std::vector<std::byte>& window) {
    window.resize(static_cast<std::size_t>(std::min<std::uint64_t>(input.left(), kWindowBytes)));
    input.read(window);
    if (input.left() == 0) input.expect_end();
    return window;
}

struct File {
    bool gzipped = false;
    Header header;
    std::vector<std::uint8_t> data;
    std::string sha256;
};

// Makes room for the data, once header and length are known to be right, and lets
// read(std::span<std::byte>) fill it.
template <class Read>
void take_data(File& file, Bytes head, std::size_t header_size, Read&& read) {
    file.data.resize(static_cast<std::size_t>(file.header.file_size) - header_size);
    const Bytes early = head.subspan(header_size);
    const auto data = std::as_writable_bytes(std::span(file.data));
    std::copy(early.begin(), early.end(), data.begin());
    read(data.subspan(early.size()));
    Sha256 hash;
    hash.add(head.first(header_size));
    hash.add(data);
    file.sha256 = hash.finish();
}

void read_plain(File& file, Input& input, Bytes head, const std::string& path,
                const Wanted& wanted) {
    file.header = read_header(path, head, wanted);
    const std::uint64_t size = head.size() + input.left();
    if (size != file.header.file_size)
        throw_wrong_length(path, file.header, byte_count(size), size < file.header.file_size);
    take_data(file, head, wanted.header_size(), [&](std::span<std::byte> rest) {
        input.read(rest);
        input.expect_end();
    });
}

// Unpacks in two passes: the first, through a small window, finds out whether all is well, so that
// memory is asked for only when it is known to be filled.
void read_gzipped(File& file, Input& input, const std::string& path, const Wanted& wanted) {
    std::vector<std::byte> packed, window(kWindowBytes);
    const auto source = [&] { return read_window(input, packed); };
    input.rewind();
    const std::uint64_t packed_size = input.left();
    {
        GunzipStream stream(path, packed_size, source);
        std::size_t got = stream.read(window);
        file.header = read_header(path, Bytes(window).first(got), wanted);
        std::uint64_t size = got;
        while (got == window.size() && size <= file.header.file_size) {
            got = stream.read(window);
            size += got;
        }
        if (size > file.header.file_size)
            throw_wrong_length(path, file.header,
                               "at least " + byte_count(file.header.file_size + 1), false);
        if (size < file.header.file_size)
            throw_wrong_length(path, file.header, byte_count(size), true);
    }
    input.rewind();
    GunzipStream stream(path, packed_size, source);
    const auto head = std::span(window).first(wanted.header_size());
    const auto require = [&](bool is_same) {
        if (!is_same)
            throw Error(ErrorKind::input, path, "changed while being read", "other content",
                        "that of a moment before");
    };
    require(stream.read(head) == head.size() &&
            read_header(path, head, wanted).sizes == file.header.sizes);
    take_data(file, head, head.size(), [&](std::span<std::byte> rest) {
        std::byte more[1];
        require(stream.read(rest) == rest.size() && stream.read(more) == 0);
    });
}

File parse_idx(Input& input, const std::string& path, const Wanted& wanted) {
    File file;
    std::vector<std::byte> window;
    const Bytes head = read_window(input, window);
    file.gzipped = is_gzip(head);
    if (file.gzipped)
        read_gzipped(file, input, path, wanted);
    else
        read_plain(file, input, head, path, wanted);
    return file;
}

IdxImages parse_images(Input&& input, const std::string& path) {
    File file = parse_idx(input, path, kImages);
    const auto& [count, rows, cols] = file.header.sizes;
    return {static_cast<Index>(count), static_cast<Index>(rows), static_cast<Index>(cols),
            std::move(file.data),      std::move(file.sha256),   file.gzipped};
}

IdxLabels parse_labels(Input&& input, const std::string& path) {
    File file = parse_idx(input, path, kLabels);
    const auto bad = std::find_if(file.data.begin(), file.data.end(),
                                  [](std::uint8_t label) { return label > 9; });
    if (bad != file.data.end())
        throw Error(ErrorKind::input, path,
                    "label at index " + std::to_string(bad - file.data.begin()) + " out of range",
                    std::to_string(*bad), "0 to 9");
    return {std::move(file.data), std::move(file.sha256), file.gzipped};
}

}  // namespace

IdxImages parse_idx_images(const std::vector<std::byte>& bytes, const std::string& path) {
    return parse_images(MemoryInput(bytes), path);
}

IdxLabels parse_idx_labels(const std::vector<std::byte>& bytes, const std::string& path) {
    return parse_labels(MemoryInput(bytes), path);
}

IdxImages read_idx_images(const std::filesystem::path& path) {
    return parse_images(FileInput(path.string()), path.string());
}

IdxLabels read_idx_labels(const std::filesystem::path& path) {
    return parse_labels(FileInput(path.string()), path.string());
}

}  // namespace handgrad
