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

struct Descriptor {
    int fd;
    explicit Descriptor(int opened) : fd(opened) {}
    ~Descriptor() {
        if (fd >= 0) close(fd);
    }
    Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
};

[[noreturn]] void fail(const std::string& path, const std::string& what_failed) {
    throw Error(ErrorKind::input, path, what_failed + ": " + std::strerror(errno));
}

const char* kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a folder";
    if (S_ISFIFO(mode)) return "a pipe";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
    return "something else";
}

// A regular file that is open, and its length.
struct OpenFile {
    Descriptor descriptor;
    std::uint64_t size;
};

OpenFile open_regular(const std::string& path) {
    // O_NONBLOCK: opening a pipe must not wait for somebody to write into it.
    OpenFile file{Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), 0};
    if (file.descriptor.fd < 0) fail(path, "cannot be opened");
    struct stat status {};
    if (fstat(file.descriptor.fd, &status) != 0) fail(path, "cannot be examined");
    if (!S_ISREG(status.st_mode))
        throw Error(ErrorKind::input, path, "not a file", kind_of(status.st_mode),
                    "a regular file");
    file.size = static_cast<std::uint64_t>(status.st_size);
    return file;
}

}  // namespace

std::vector<std::byte> read_file(const std::string& path, std::uint64_t max_bytes) {
    const OpenFile file = open_regular(path);
    const std::uint64_t size = file.size;
    if (size > max_bytes)
        throw Error(ErrorKind::input, path, "too large", std::to_string(size) + " bytes",
                    "at most " + std::to_string(max_bytes));

    // One byte more than there should be, so that growth shows too.
    std::vector<std::byte> bytes(static_cast<std::size_t>(size) + 1);
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n = read(file.descriptor.fd, bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(path, "cannot be read");
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    if (done != size)
        throw Error(ErrorKind::input, path, "changed its size while being read",
                    done < size ? std::to_string(done) + " bytes" : "more bytes",
                    std::to_string(size));
    bytes.resize(done);
    return bytes;
}

std::uint64_t regular_file_size(const std::string& path) { return open_regular(path).size; }

}  // namespace handgrad
