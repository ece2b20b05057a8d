#include "output.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "../../core/error.hpp"
#include "console.hpp"
#include "replaceable.hpp"

namespace handgrad::apps {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what_failed, int error) {
    throw Error(ErrorKind::output, path, what_failed + ": " + std::strerror(error));
}

// /proc/PID/fd or /proc/PID/task/TID/fd, wherever proc is mounted. The path is without links.
bool is_folder_of_descriptors(const fs::path& folder) {
    struct statfs status {};
    return folder.filename() == "fd" && statfs(folder.c_str(), &status) == 0 &&
           status.f_type == PROC_SUPER_MAGIC;
}

bool is_own(const fs::path& folder_of_descriptors) {
    const std::string own = std::to_string(getpid());
    const fs::path parent = folder_of_descriptors.parent_path();
    return parent.filename() == own || (parent.parent_path().filename() == "task" &&
                                        parent.parent_path().parent_path().filename() == own);
}

// In a folder such as /tmp somebody else may have put the link there, for this to overwrite a file
// of ours.
void check_owner_of_link(const std::string& path, const fs::path& folder) {
    struct stat link {
    }, parent{};
    if (lstat(path.c_str(), &link) != 0 || stat(folder.c_str(), &parent) != 0) return;
    constexpr mode_t kShared = S_ISVTX | S_IWOTH;
    if ((parent.st_mode & kShared) == kShared && link.st_uid != geteuid() &&
        link.st_uid != parent.st_uid)
        throw Error(ErrorKind::output, path,
                    "is a symbolic link of another user in a folder that everybody may write to");
}

void write_all(int fd, std::span<const std::byte> content, const std::string& name) {
    while (!content.empty()) {
        const ssize_t n = write(fd, content.data(), content.size());
        if (n >= 0) {
            content = content.subspan(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            pollfd wait{fd, POLLOUT, 0};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            fail(name, "cannot be written", errno);
        }
    }
}

}  // namespace

Output::Output(const std::string& name, Links links, Previous previous)
    : name_(name), path_(name), previous_(previous) {
    if (name == "-" && links == Links::follow) {
        name_ = "standard output";
        descriptor_ = STDOUT_FILENO;
    } else {
        follow_links(links);
    }
    if (!is_file()) return;
    NewFile(path_, previous);
    check_replaceable(path_);
    if (previous == Previous::keep) check_replaceable(previous_path(path_));
}

// The chain of links is walked by hand, for the last one may be a descriptor: what such a link
// shows as its target is the name of a file, but opening that would be another file position.
void Output::follow_links(Links links) {
    constexpr int kMostLinks = 40;  // as Linux
    for (int i = 0; i < kMostLinks; ++i) {
        const fs::path path = path_;
        const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
        std::error_code error;
        const fs::path folder = fs::canonical(parent, error);
        if (!error && is_folder_of_descriptors(folder))
            return find_descriptor(folder, path.filename());
        if (fs::symlink_status(path, error).type() != fs::file_type::symlink ||
            links == Links::refuse)
            return;
        check_owner_of_link(path_, parent);
        const fs::path target = fs::read_symlink(path, error);
        if (error) fail(path_, "cannot be followed", error.value());
        path_ = target.is_absolute() ? target : parent / target;
    }
    fail(name_, "cannot be followed", ELOOP);
}

void Output::find_descriptor(const std::string& folder, const std::string& number) {
    if (!is_own(folder)) {
        foreign_descriptor_ = fs::path(folder) / number;
        return;
    }
    int fd = -1;
    const char* end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, fd);
    const int flags = error == std::errc() && stop == end ? fcntl(fd, F_GETFL) : -1;
    if (flags < 0)
        throw Error(ErrorKind::output, name_, "leads to a descriptor that is not open", number);
    if ((flags & O_ACCMODE) == O_RDONLY)
        throw Error(ErrorKind::output, name_, "leads to a descriptor that is open for reading");
    descriptor_ = fd;
}

void Output::write(std::span<const std::byte> content) const {
    if (is_file()) return replace_file(path_, content, previous_);
    if (descriptor_ >= 0) return write_all(descriptor_, content, name_);
    // The file position of another process cannot be had; a file is appended to.
    const int fd = open(foreign_descriptor_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) fail(name_, "cannot be opened", errno);
    try {
        write_all(fd, content, name_);
    } catch (const Error&) {
        close(fd);
        throw;
    }
    close(fd);
}

void Output::write(std::string_view content) const { write(std::as_bytes(std::span(content))); }

void Output::print_name() const {
    if (is_file()) print_path(name_);
}

void reserve_standard_descriptors() {
    for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest free number is this one. Reading stdin fails, as does writing to the others.
        const int mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (open("/dev/null", mode) != fd) std::abort();
    }
}

}  // namespace handgrad::apps
