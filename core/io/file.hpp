// Reading a file, whole or from front to back, with nothing taken for granted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../export.hpp"

namespace handgrad {

// A regular file that is open, to be read from front to back. All its functions throw Error(input)
// that names the path.
class HANDGRAD_API InputFile {
  public:
    // Throws if the file is missing, unreadable or anything but a regular file (a folder, a pipe, a
    // device). Never waits for a pipe.
    explicit InputFile(std::string path);
    ~InputFile();
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    const std::string& path() const { return path_; }
    // In bytes, as it was when the file was opened.
    std::uint64_t size() const { return size_; }
    // Bytes before the end of that size.
    std::uint64_t left() const { return size_ - place_; }

    // Reads the next bytes into all of `out`, of which there are no more than left(). Throws if the
    // file has become shorter.
    void read(std::span<std::byte> out);
    // When nothing is left: throws if the file has become longer.
    void expect_end();
    // To the front again.
    void rewind();

  private:
    std::size_t read_some(std::span<std::byte> out);

    std::string path_;
    int descriptor_ = -1;
    std::uint64_t size_ = 0, place_ = 0;
};

// The bytes of a regular file. Throws Error(input) naming the path if it is missing, unreadable,
// anything but a regular file, larger than max_bytes, or if it changes its size while being read.
// Takes no more memory than the file is long.
HANDGRAD_API std::vector<std::byte> read_file(const std::string& path, std::uint64_t max_bytes);

// Throws Error(input) for a file above that size.
HANDGRAD_API void check_size(const InputFile& file, std::uint64_t max_bytes);

// The length of a regular file. Throws Error(input) for what read_file would not open.
HANDGRAD_API std::uint64_t regular_file_size(const std::string& path);

}  // namespace handgrad
