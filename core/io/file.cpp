#include "file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "../error.hpp"

namespace handgrad {

namespace {

struct Descriptor {
    int fd;
    ~Descriptor() {
        if (fd >= 0) close(fd);
    }
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

}  // namespace

std::vector<std::byte> read_file(const std::string& path, std::uint64_t max_bytes) {
    // O_NONBLOCK: opening a pipe must not wait for somebody to write into it.
    const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.fd < 0) fail(path, "cannot be opened");
    struct stat status {};
    if (fstat(file.fd, &status) != 0) fail(path, "cannot be examined");
    if (!S_ISREG(status.st_mode))
        throw Error(ErrorKind::input, path, "not a file", kind_of(status.st_mode),
                    "a regular file");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > max_bytes)
        throw Error(ErrorKind::input, path, "too large", std::to_string(size) + " bytes",
                    "at most " + std::to_string(max_bytes));

    // One byte more than there should be, so that growth shows too.
    std::vector<std::byte> bytes(static_cast<std::size_t>(size) + 1);
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n = read(file.fd, bytes.data() + done, bytes.size() - done);
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

}  // namespace handgrad
