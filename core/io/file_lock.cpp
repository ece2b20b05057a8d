#include "file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "../error.hpp"

namespace handgrad {

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what_failed, int error) {
    throw Error(ErrorKind::output, path, what_failed + ": " + std::strerror(error));
}

// " (PID 123)" as the holder wrote it; empty if it has not come to that yet.
std::string holder(int fd) {
    char text[16];
    const ssize_t n = pread(fd, text, sizeof text, 0);
    const std::string digits(text, n > 0 ? std::size_t(n) - 1 : 0);  // a newline ends it
    const bool is_number = !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) {
        return '0' <= c && c <= '9';
    });
    return is_number ? " (PID " + digits + ")" : "";
}

// For people who look into the folder, and for the message of the process that comes second. The
// lock does not depend on it, so a full disk is no reason to fail here.
void write_holder(int fd) {
    const std::string text = std::to_string(getpid()) + "\n";
    if (ftruncate(fd, 0) != 0) return;
    [[maybe_unused]] const ssize_t n = pwrite(fd, text.data(), text.size(), 0);
}

}  // namespace

FileLock::FileLock(const std::filesystem::path& folder) {
    const std::string path = folder / "lock";
    fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd_ < 0) fail(path, "cannot be created", errno);
    if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        const std::string who = holder(fd_);
        close(fd_);
        if (error != EWOULDBLOCK) fail(path, "cannot be locked", error);
        throw Error(ErrorKind::argument, folder.string(),
                    "another process" + who + " is writing to this run folder");
    }
    write_holder(fd_);
}

FileLock::~FileLock() { close(fd_); }

}  // namespace handgrad
