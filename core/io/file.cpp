#include "file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "../error.hpp"

namespace handgrad {

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what_failed) {
    throw Error(ErrorKind::input, path, what_failed + ": " + std::strerror(errno));
}

[[noreturn]] void fail_changed(const std::string& path, const std::string& found,
                               std::uint64_t size) {
    throw Error(ErrorKind::input, path, "changed its size while being read", found,
                std::to_string(size));
}

const char* kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a folder";
    if (S_ISFIFO(mode)) return "a pipe";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
    return "something else";
}

// Closes the descriptor, if it is one, when an exception leaves a constructor.
struct Guard {
    int descriptor;
    ~Guard() {
        if (descriptor >= 0) close(descriptor);
    }
};

}  // namespace

InputFile::InputFile(std::string path) : path_(std::move(path)) {
    // O_NONBLOCK: opening a pipe must not wait for somebody to write into it.
    Guard guard{open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (guard.descriptor < 0) fail(path_, "cannot be opened");
    struct stat status {};
    if (fstat(guard.descriptor, &status) != 0) fail(path_, "cannot be examined");
    if (!S_ISREG(status.st_mode))
        throw Error(ErrorKind::input, path_, "not a file", kind_of(status.st_mode),
                    "a regular file");
    size_ = static_cast<std::uint64_t>(status.st_size);
    descriptor_ = std::exchange(guard.descriptor, -1);
}

InputFile::~InputFile() { close(descriptor_); }

// Fewer bytes than asked for at the end of the file alone.
std::size_t InputFile::read_some(std::span<std::byte> out) {
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t n = ::read(descriptor_, out.data() + done, out.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(path_, "cannot be read");
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    place_ += done;
    return done;
}

void InputFile::read(std::span<std::byte> out) {
    if (read_some(out) < out.size()) fail_changed(path_, std::to_string(place_) + " bytes", size_);
}

void InputFile::expect_end() {
    std::byte more[1];
    if (read_some(more) > 0) fail_changed(path_, "more bytes", size_);
}

void InputFile::rewind() {
    if (lseek(descriptor_, 0, SEEK_SET) != 0) fail(path_, "cannot be read again");
    place_ = 0;
}

void check_size(const InputFile& file, std::uint64_t max_bytes) {
    if (file.size() > max_bytes)
        throw Error(ErrorKind::input, file.path(), "too large",
                    std::to_string(file.size()) + " bytes", "at most " + std::to_string(max_bytes));
}

std::vector<std::byte> read_file(const std::string& path, std::uint64_t max_bytes) {
    InputFile file(path);
    check_size(file, max_bytes);
    std::vector<std::byte> bytes(static_cast<std::size_t>(file.size()));
    file.read(bytes);
    file.expect_end();
    return bytes;
}

std::uint64_t regular_file_size(const std::string& path) { return InputFile(path).size(); }

}  // namespace handgrad
