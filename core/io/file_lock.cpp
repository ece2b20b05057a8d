#include "file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "../error.hpp"

namespace handgrad {

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what_failed, int error) {
    throw Error(ErrorKind::output, path, what_failed + ": " + std::strerror(error));
}

// The number of the process that wrote the file, as text; empty for an empty file; nothing for a
// file that is not ours.
std::optional<std::string> read_holder(int fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink > 1) return {};
    char bytes[16];
    const ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    if (n < 0) return {};
    std::string text(bytes, std::size_t(n));
    if (text.empty()) return text;
    if (text.size() == sizeof bytes || text.back() != '\n') return {};
    text.pop_back();
    const auto is_digit = [](char c) { return '0' <= c && c <= '9'; };
    if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return {};
    return text;
}

[[noreturn]] void refuse_foreign(const std::string& path) {
    throw Error(ErrorKind::argument, path, "is not a lock of this program", "another file",
                "an empty file or the number of a process, under one name");
}

// For people who look into the folder, and for the message of the process that comes second. The
// lock does not depend on it, so a full disk is no reason to fail here.
void write_holder(int fd) {
    const std::string text = std::to_string(getpid()) + "\n";
    if (ftruncate(fd, 0) != 0) return;
    [[maybe_unused]] const ssize_t n = pwrite(fd, text.data(), text.size(), 0);
}

// Whether the open file still has its name: another process may have removed it before it was
// locked here.
bool has_name(int fd, const std::string& path) {
    struct stat locked {
    }, named{};
    return fstat(fd, &locked) == 0 && lstat(path.c_str(), &named) == 0 &&
           locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

}  // namespace

// Opens `lock` or makes it. A file that is there is opened without O_CREAT, which some systems
// refuse for the file of another user in a shared folder; one that may not be written can still be
// locked. Returns whether it may be written.
bool FileLock::open_file() {
    constexpr int kTries = 100;  // against a process that makes and removes the file all the time
    for (int i = 0; i < kTries; ++i) {
        made_file_ = false;
        fd_ = open(path_.c_str(), O_RDWR | kFlags);
        if (fd_ >= 0) return true;
        if (errno == EACCES || errno == EROFS) {
            const int error = errno;
            fd_ = open(path_.c_str(), O_RDONLY | kFlags);
            if (fd_ < 0) fail(path_, "cannot be opened", error);
            return false;
        }
        if (errno == ELOOP || errno == EISDIR || errno == ENXIO) refuse_foreign(path_);
        if (errno != ENOENT) fail(path_, "cannot be opened", errno);
        fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | kFlags, 0666);
        made_file_ = fd_ >= 0;
        if (made_file_) return true;
        if (errno != EEXIST) fail(path_, "cannot be created", errno);
    }
    fail(path_, "cannot be opened", EAGAIN);
}

FileLock::FileLock(const std::filesystem::path& folder) : path_(folder / "lock") {
    for (;;) {
        const bool writable = open_file();
        const std::optional<std::string> holder = read_holder(fd_);
        const bool locked = holder && flock(fd_, LOCK_EX | LOCK_NB) == 0;
        const int error = errno;
        if (locked && has_name(fd_, path_)) {
            if (writable) write_holder(fd_);
            return;
        }
        close(fd_);
        if (!holder) refuse_foreign(path_);
        if (locked) continue;
        if (error != EWOULDBLOCK) fail(path_, "cannot be locked", error);
        const std::string who = holder->empty() ? "" : " (PID " + *holder + ")";
        throw Error(ErrorKind::argument, folder.string(),
                    "another process" + who + " is writing to this run folder");
    }
}

FileLock::~FileLock() { close(fd_); }

void FileLock::remove_file() noexcept {
    if (has_name(fd_, path_)) unlink(path_.c_str());
}

bool FileLock::is_ours(const std::filesystem::path& folder) {
    const int fd = open((folder / "lock").c_str(), O_RDONLY | kFlags);
    if (fd < 0) return errno != ELOOP && errno != EISDIR && errno != ENXIO;
    const bool ours = read_holder(fd).has_value();
    close(fd);
    return ours;
}

WriterMark::WriterMark(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | kFlags)) {
    if (fd_ < 0 || flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
    close(fd_);
    throw Error(ErrorKind::argument, path, "another process is writing to this file");
}

WriterMark::~WriterMark() {
    if (fd_ >= 0) close(fd_);
}

}  // namespace handgrad
