// Reading IDX files, the format of MNIST and its relatives: images and labels of unsigned bytes.
//
// The format, as on the page of MNIST: bytes 0 and 1 are zero, byte 2 is the type of the data
// (0x08: unsigned bytes), byte 3 the number of dimensions; then one big-endian 32-bit size per
// dimension; then the data, row-major. Images are (count, rows, cols), labels (count).
//
// A file may be gzipped: its first two bytes decide, not its name. Nothing in a file is believed
// before it is checked: until header, length and, for gzip, checksum have been found to agree, the
// memory in use is a constant, whatever the file and its header are like; from then on it is that
// constant and the data, once. A gzipped file is read twice for that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "../export.hpp"
#include "../matrix.hpp"

namespace handgrad {

// An IDX file, header included and uncompressed, may have this many bytes: 2 GiB, 40 times MNIST.
inline constexpr std::uint64_t kMaxIdxBytes = std::uint64_t{1} << 31;

// The content of a file of images.
struct IdxImages {
    Index count = 0, rows = 0, cols = 0;
    std::vector<std::uint8_t> pixels;  // count x rows x cols, row-major
    std::string sha256;                // of the uncompressed file, in hexadecimal
    bool gzipped = false;              // as it was found
};

// The content of a file of labels.
struct IdxLabels {
    std::vector<std::uint8_t> labels;  // each 0 to 9
    std::string sha256;
    bool gzipped = false;
};

// Both throw Error(input), with the path, what was found and what was expected, for a file that
// cannot be read or is no regular file; that is no IDX file (HTML pages and Git LFS pointers are
// recognised), holds another type or number of dimensions, or a size of 0; that is larger than
// kMaxIdxBytes, or has fewer or more bytes than its header declares; that is a gzip file which is
// cut short, damaged, or followed by anything. read_idx_labels also for a label above 9.
HANDGRAD_API IdxImages read_idx_images(const std::filesystem::path& path);
HANDGRAD_API IdxLabels read_idx_labels(const std::filesystem::path& path);

// The same of the bytes of a file; `path` names it in errors.
HANDGRAD_API IdxImages parse_idx_images(const std::vector<std::byte>& bytes,
                                        const std::string& path);
HANDGRAD_API IdxLabels parse_idx_labels(const std::vector<std::byte>& bytes,
                                        const std::string& path);

}  // namespace handgrad
