// The order of the steps is that of Pillai et al., "All File Systems Are Not Created Equal" (OSDI
// 2014): content, flush, rename, flush of the folder.
#include "atomic_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "../error.hpp"

namespace handgrad {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kNameBegins = ".handgrad-", kNameEnds = ".tmp";
constexpr std::size_t kRandomDigits = 16;
constexpr std::string_view kDigits = "0123456789abcdef";

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

// The folder of a file, open so that its entries can be flushed.
int open_folder_of(const std::string& path) {
    const fs::path parent = fs::path(path).parent_path();
    const char* name = parent.empty() ? "." : parent.c_str();
    const int fd = retry([&] { return open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (fd < 0) fail(path, "its folder cannot be opened");
    return fd;
}

void flush_folder(int fd, const std::string& path) {
    // EINVAL: the file system does not flush folders.
    if (retry([&] { return fsync(fd); }) != 0 && errno != EINVAL)
        fail(path, "written, but its folder cannot be flushed to the disk");
}

// A name in the folder of `path` that no other file has.
std::string temporary_path(const std::string& path) {
    std::uint64_t random = 0;
    if (retry([&] { return getrandom(&random, sizeof random, 0); }) != sizeof random)
        fail(path, "no random name for its temporary file");
    std::string name(kNameBegins);
    for (std::size_t i = 0; i < kRandomDigits; ++i) name += kDigits[random >> (4 * i) & 15];
    return fs::path(path).parent_path() / name.append(kNameEnds);
}

bool is_temporary_name(std::string_view name) {
    if (name.size() != kNameBegins.size() + kRandomDigits + kNameEnds.size() ||
        !name.starts_with(kNameBegins) || !name.ends_with(kNameEnds))
        return false;
    const std::string_view random = name.substr(kNameBegins.size(), kRandomDigits);
    return random.find_first_not_of(kDigits) == random.npos;
}

// A rename would turn a device or a pipe into a plain file, for every process of the machine, and
// would put a file in the place of a link. The permissions of a file that is there and may be
// replaced.
std::optional<FilePermissions> replaceable_permissions(const std::string& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) fail(path, "cannot be examined");
        return {};
    }
    if (S_ISLNK(status.st_mode))
        throw Error(ErrorKind::output, path, "cannot be replaced: it is a symbolic link");
    if (!S_ISREG(status.st_mode))
        throw Error(ErrorKind::output, path, "cannot be replaced: it is not a regular file");
    return permissions_of(path);
}

// Gives the old content its second name. The first one stays, so that no moment is without it;
// where there are no hard links it cannot, and true is returned.
bool keep_previous(const std::string& path) {
    const std::string previous = previous_path(path), temporary = temporary_path(path);
    // Locked, like every file with a temporary name: remove_stale_temporaries lets it be.
    const int lock = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (lock >= 0) flock(lock, LOCK_EX | LOCK_NB);
    const auto move = [&] {
        if (link(path.c_str(), temporary.c_str()) == 0) {
            const int result = rename(temporary.c_str(), previous.c_str());
            const int error = errno;
            // Between two names of one file, which a killed process may have left, rename does
            // nothing.
            unlink(temporary.c_str());
            errno = error;
            if (result != 0) fail(previous, "cannot be replaced");
            return false;
        }
        if (errno == ENOENT) return false;
        if (rename(path.c_str(), previous.c_str()) == 0) return true;
        if (errno != ENOENT) fail(previous, "cannot be replaced");
        return false;
    };
    try {
        const bool moved = move();
        if (lock >= 0) close(lock);
        return moved;
    } catch (const Error&) {
        if (lock >= 0) close(lock);
        throw;
    }
}

}  // namespace

std::string previous_path(const std::string& path) { return path + ".prev"; }

NewFile::NewFile(std::string path, Previous previous)
    : path_(std::move(path)), previous_(previous), old_(replaceable_permissions(path_)) {
    if (previous == Previous::keep) replaceable_permissions(previous_path(path_));
    folder_ = open_folder_of(path_);
    // A file that fewer may read is not shown to more until it has its own mode.
    const unsigned mode = old_ ? 0600 : 0666;
    constexpr int kTries = 16;
    for (int i = 0; i < kTries; ++i)
        if (create(mode)) return;
    const int error = errno;
    close(folder_);
    errno = error;
    fail(path_, "cannot be created");
}

// Whether there is a new file, locked. Between creation and lock remove_stale_temporaries may get
// at it: then the next name is tried.
bool NewFile::create(unsigned mode) {
    temporary_ = temporary_path(path_);
    file_ = retry(
        [&] { return open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode); });
    if (file_ < 0) return false;
    const bool taken = flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    struct stat status {};
    if (!taken && fstat(file_, &status) == 0 && status.st_nlink > 0) return true;
    unlink(temporary_.c_str());
    close(file_);
    file_ = -1;
    errno = EAGAIN;
    return false;
}

NewFile::~NewFile() {
    if (!temporary_.empty()) unlink(temporary_.c_str());
    close(file_);
    close(folder_);
}

void NewFile::set_permissions(const FilePermissions& like) {
    if (!old_) detail::give_permissions(file_, like, path_);
}

void NewFile::write(std::span<const std::byte> content) {
    while (!content.empty()) {
        const auto n = retry([&] { return ::write(file_, content.data(), content.size()); });
        if (n < 0) fail(path_, "cannot be written");
        content = content.subspan(static_cast<std::size_t>(n));
    }
}

void NewFile::write(std::string_view content) { write(std::as_bytes(std::span(content))); }

void NewFile::replace() {
    if (old_) detail::give_permissions(file_, *old_, path_);
    // The content must be on the disk before the name is: a rename may get there first.
    if (retry([&] { return fsync(file_); }) != 0) fail(path_, "cannot be flushed to the disk");
    const bool moved = previous_ == Previous::keep && keep_previous(path_);
    if (rename(temporary_.c_str(), path_.c_str()) != 0) {
        const int error = errno;
        if (moved) rename(previous_path(path_).c_str(), path_.c_str());
        errno = error;
        fail(path_, "cannot be replaced");
    }
    temporary_.clear();
    flush_folder(folder_, path_);
}

void replace_file(const std::string& path, std::span<const std::byte> content, Previous previous) {
    NewFile file(path, previous);
    file.write(content);
    file.replace();
}

void replace_file(const std::string& path, std::string_view content, Previous previous) {
    replace_file(path, std::as_bytes(std::span(content)), previous);
}

void restore_previous(const std::string& path) {
    const int folder = open_folder_of(path);
    const bool renamed = rename(previous_path(path).c_str(), path.c_str()) == 0;
    const int error = errno;
    if (renamed) fsync(folder);
    close(folder);
    errno = error;
    if (!renamed) fail(path, "cannot be restored");
}

void copy_permissions(const std::string& from, const std::string& to) {
    const std::optional<FilePermissions> wanted = replaceable_permissions(from);
    if (!wanted) return;
    const int fd = retry([&] { return open(to.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW); });
    if (fd < 0) fail(to, "cannot be opened");
    try {
        detail::give_permissions(fd, *wanted, to);
    } catch (const Error&) {
        close(fd);
        throw;
    }
    close(fd);
}

void flush_file(const std::string& path) {
    const int fd = retry([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); });
    const bool flushed = fd >= 0 && (retry([&] { return fsync(fd); }) == 0 || errno == EINVAL);
    const int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    if (!flushed) fail(path, "cannot be flushed to the disk");
}

// A file of ours is locked from its creation to its renaming, so one that can be locked is left
// over. The name is asked again under the lock: by then it may lead to another file.
static void remove_if_stale(const fs::path& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return;
    struct stat locked {
    }, named{};
    if (fstat(fd, &locked) == 0 && S_ISREG(locked.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        lstat(path.c_str(), &named) == 0 && named.st_dev == locked.st_dev &&
        named.st_ino == locked.st_ino)
        unlink(path.c_str());
    close(fd);
}

void remove_stale_temporaries(const fs::path& folder) noexcept try {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
        if (is_temporary_name(entry.path().filename().native())) remove_if_stale(entry.path());
} catch (...) {
    // A name left behind is no harm; failing because of it would be.
}

}  // namespace handgrad
