// The order of the steps is that of Pillai et al., "All File Systems Are Not Created Equal" (OSDI
// 2014): content, flush, rename, flush of the folder.
#include "atomic_file.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "../error.hpp"

namespace handgrad {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what_failed) {
    throw Error(ErrorKind::output, path, what_failed + ": " + std::strerror(errno));
}

// Calls a function of the system until no signal interrupts it.
template <class Call>
auto retry(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR) result = call();
    return result;
}

// A name beside `path` that no other process uses.
std::string temporary_path(const std::string& path) {
    return path + ".tmp." + std::to_string(getpid());
}

// The folder of a file, open so that its entries can be flushed.
class Folder {
  public:
    explicit Folder(const std::string& path) : path_(path) {
        const fs::path parent = fs::path(path).parent_path();
        const char* name = parent.empty() ? "." : parent.c_str();
        fd_ = retry([&] { return open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
        if (fd_ < 0) fail(path, "its folder cannot be opened");
    }
    ~Folder() { close(fd_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    void flush() const {
        // EINVAL: the file system does not flush folders.
        if (retry([&] { return fsync(fd_); }) != 0 && errno != EINVAL)
            fail(path_, "written, but its folder cannot be flushed to the disk");
    }

  private:
    std::string path_;
    int fd_;
};

// A new file that disappears again unless it is renamed.
class Temporary {
  public:
    explicit Temporary(const std::string& target) : target_(target), path_(temporary_path(target)) {
        fd_ = create();
        // A file that is there was left by a killed process whose number is ours now.
        if (fd_ < 0 && errno == EEXIST && unlink(path_.c_str()) == 0) fd_ = create();
        if (fd_ < 0) fail(target_, "cannot be created");
    }
    ~Temporary() {
        if (fd_ >= 0) close(fd_);
        if (!renamed_) unlink(path_.c_str());
    }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;

    void write_all(std::span<const std::byte> content) {
        while (!content.empty()) {
            const auto n = retry([&] { return write(fd_, content.data(), content.size()); });
            if (n < 0) fail(target_, "cannot be written");
            content = content.subspan(static_cast<std::size_t>(n));
        }
    }

    // The content must be on the disk before the name is: a rename may get there first.
    void flush_and_close() {
        if (retry([&] { return fsync(fd_); }) != 0) fail(target_, "cannot be flushed to the disk");
        const int fd = fd_;
        fd_ = -1;
        // An interrupted close has closed, and must not be called again.
        if (close(fd) != 0 && errno != EINTR) fail(target_, "cannot be closed");
    }

    void rename_to_target() {
        if (rename(path_.c_str(), target_.c_str()) != 0) fail(target_, "cannot be replaced");
        renamed_ = true;
    }

  private:
    int create() const {
        return retry(
            [&] { return open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
    }

    std::string target_, path_;
    int fd_ = -1;
    bool renamed_ = false;
};

// A rename would turn a device or a pipe into a plain file, for every process of the machine.
void check_replaceable(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) fail(path, "cannot be examined");
        return;
    }
    if (!S_ISREG(status.st_mode))
        throw Error(ErrorKind::output, path, "cannot be replaced: it is not a regular file");
}

// Gives the old content its second name. The first one stays, so that no moment is without it;
// where there are no hard links it cannot, and true is returned.
bool keep_previous(const std::string& path) {
    const std::string previous = previous_path(path), temporary = temporary_path(previous);
    unlink(temporary.c_str());
    if (link(path.c_str(), temporary.c_str()) == 0) {
        const int result = rename(temporary.c_str(), previous.c_str());
        const int error = errno;
        // Between two names of one file, which a killed process may have left, rename does nothing.
        unlink(temporary.c_str());
        errno = error;
        if (result != 0) fail(previous, "cannot be replaced");
        return false;
    }
    if (errno == ENOENT) return false;
    if (rename(path.c_str(), previous.c_str()) == 0) return true;
    if (errno != ENOENT) fail(previous, "cannot be replaced");
    return false;
}

// The PID of a name that temporary_path made; 0 for any other name.
pid_t writer_of(const std::string& name) {
    const std::string mark = ".tmp.";
    const std::size_t place = name.rfind(mark);
    if (place == std::string::npos) return 0;
    const char *begin = name.data() + place + mark.size(), *end = name.data() + name.size();
    pid_t pid = 0;
    const auto [stop, error] = std::from_chars(begin, end, pid);
    return error == std::errc() && stop == end && pid > 0 ? pid : 0;
}

}  // namespace

std::string previous_path(const std::string& path) { return path + ".prev"; }

void replace_file(const std::string& path, std::span<const std::byte> content, Previous previous) {
    check_replaceable(path);
    const Folder folder(path);
    Temporary temporary(path);
    temporary.write_all(content);
    temporary.flush_and_close();
    const bool moved = previous == Previous::keep && keep_previous(path);
    try {
        temporary.rename_to_target();
    } catch (const Error&) {
        if (moved) rename(previous_path(path).c_str(), path.c_str());
        throw;
    }
    folder.flush();
}

void replace_file(const std::string& path, std::string_view content, Previous previous) {
    replace_file(path, std::as_bytes(std::span(content)), previous);
}

void restore_previous(const std::string& path) {
    const Folder folder(path);
    if (rename(previous_path(path).c_str(), path.c_str()) != 0) fail(path, "cannot be restored");
    folder.flush();
}

void flush_file(const std::string& path) {
    const int fd = retry([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); });
    const bool flushed = fd >= 0 && retry([&] { return fsync(fd); }) == 0;
    const int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    if (!flushed) fail(path, "cannot be flushed to the disk");
}

void remove_stale_temporaries(const fs::path& folder) noexcept try {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
        const pid_t writer = writer_of(entry.path().filename());
        const bool is_stale = writer != 0 && kill(writer, 0) != 0 && errno == ESRCH;
        if (is_stale && entry.symlink_status().type() == fs::file_type::regular)
            fs::remove(entry.path(), ignored);
    }
} catch (...) {
    // A name left behind is no harm; failing because of it would be.
}

}  // namespace handgrad
