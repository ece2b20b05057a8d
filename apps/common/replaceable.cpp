#include "replaceable.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "../../core/error.hpp"

namespace handgrad::apps {

namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& reason) {
    throw Error(ErrorKind::output, path, "cannot be replaced: " + reason);
}

// Root may remove every file there.
bool is_protected_by_sticky_folder(const std::string& path, uid_t owner) {
    const std::filesystem::path parent = std::filesystem::path(path).parent_path();
    struct stat folder {};
    if (stat(parent.empty() ? "." : parent.c_str(), &folder) != 0) return false;
    const uid_t self = geteuid();
    return (folder.st_mode & S_ISVTX) != 0 && self != 0 && self != owner && self != folder.st_uid;
}

}  // namespace

void check_replaceable(const std::string& path) {
    struct statx file {};
    if (statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_UID, &file) != 0) return;
    if ((file.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
        refuse(path, "something is mounted on it");
    if ((file.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0)
        refuse(path, "its attributes forbid it (chattr)");
    if (is_protected_by_sticky_folder(path, file.stx_uid))
        refuse(path, "it is of another user, in a folder where each may remove their own alone");
}

}  // namespace handgrad::apps
