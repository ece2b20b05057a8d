#include "file_permissions.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "../error.hpp"

namespace handgrad {

namespace {

constexpr const char* kAccessList = "system.posix_acl_access";
constexpr std::string_view kUsersOwn = "user.";

[[noreturn]] void fail(const std::string& path, const std::string& what_failed) {
    throw Error(ErrorKind::output, path, what_failed + ": " + std::strerror(errno));
}

// The content that a call of the system has for us; nothing if it has none, or it cannot be had.
template <class Call>
std::optional<std::string> read_attribute(Call call) {
    const ssize_t size = call(nullptr, 0);
    if (size < 0) return {};
    std::string content(std::size_t(size), '\0');
    // A size of 0 would ask for the size again.
    const ssize_t read = size == 0 ? 0 : call(content.data(), content.size());
    if (read < 0) return {};
    content.resize(std::size_t(read));
    return content;
}

std::optional<std::string> attribute_of(const std::string& path, const char* name) {
    return read_attribute([&](char* content, std::size_t size) {
        return lgetxattr(path.c_str(), name, content, size);
    });
}

std::map<std::string, std::string> users_attributes(const std::string& path) {
    const std::string names = read_attribute([&](char* content, std::size_t size) {
                                  return llistxattr(path.c_str(), content, size);
                              }).value_or("");
    std::map<std::string, std::string> attributes;
    for (std::size_t begin = 0, end; begin < names.size(); begin = end + 1) {
        end = names.find('\0', begin);
        if (end == names.npos) break;
        const std::string name = names.substr(begin, end - begin);
        if (!name.starts_with(kUsersOwn)) continue;
        // One that cannot be read must not become an empty one.
        if (auto value = attribute_of(path, name.c_str())) attributes[name] = std::move(*value);
    }
    return attributes;
}

// The rights of the file's own group and of others, as the bits of a mode, that an access list
// leaves when it is not there. In the mode, the bits of the group are its mask alone. Those whom it
// names become members of the group or others, and must not get by that what it denied them.
unsigned rights_without(std::string_view list) {
    constexpr std::size_t kHeader = 4, kEntry = 8;  // version; tag, rights, who
    constexpr unsigned kUser = 0x02, kOwnGroup = 0x04, kGroup = 0x08, kMask = 0x10, kOthers = 0x20;
    unsigned group = 0, others = 0, mask = 7, named = 7;
    bool names = false;
    for (std::size_t at = kHeader; at + kEntry <= list.size(); at += kEntry) {
        const auto number = [&](std::size_t place) {
            return unsigned(static_cast<unsigned char>(list[place])) |
                   unsigned(static_cast<unsigned char>(list[place + 1])) << 8;
        };
        const unsigned tag = number(at), rights = number(at + 2) & 7;
        if (tag == kOwnGroup) group = rights;
        if (tag == kOthers) others = rights;
        if (tag == kMask) mask = rights;
        if (tag != kUser && tag != kGroup) continue;
        names = true;
        named &= rights;
    }
    // The mask is for those whom it names, too; a list without names takes nothing from others.
    if (names) named &= mask;
    return (group & mask & named) << 3 | (others & named);
}

}  // namespace

std::optional<FilePermissions> permissions_of(const std::string& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    return FilePermissions{.mode = status.st_mode & 07777,
                           .user = status.st_uid,
                           .group = status.st_gid,
                           .access_list = attribute_of(path, kAccessList).value_or(""),
                           .attributes = users_attributes(path)};
}

// The owner first: a change of owner clears bits of the mode. Until the end the file has the mode
// that it was made with, which is nobody's but its owner's.
void detail::give_permissions(int fd, const FilePermissions& wanted, const std::string& path) {
    struct stat now {};
    if (fstat(fd, &now) != 0) fail(path, "cannot be examined");
    // Now, as the mode of a file that is for reading alone would refuse them. A note that has no
    // room, or no file system for it, is no reason to lose the content.
    for (const auto& [name, value] : wanted.attributes)
        static_cast<void>(fsetxattr(fd, name.c_str(), value.data(), value.size(), 0));
    bool same_owner = now.st_uid == wanted.user && now.st_gid == wanted.group;
    if (!same_owner) same_owner = fchown(fd, wanted.user, wanted.group) == 0;
    const bool same_group =
        same_owner || now.st_gid == wanted.group || fchown(fd, uid_t(-1), wanted.group) == 0;
    mode_t mode = wanted.mode & (same_owner ? 07777 : 0777);
    const std::string& list = wanted.access_list;
    // With the list that a folder gives to new files, others would see it than before.
    if (fremovexattr(fd, kAccessList) != 0 && errno != ENODATA && errno != ENOTSUP)
        fail(path, "cannot be replaced: the access list of its folder cannot be taken from it");
    if (!list.empty() &&
        (!same_group || fsetxattr(fd, kAccessList, list.data(), list.size(), 0) != 0))
        mode = (mode & ~mode_t{077}) | mode_t{rights_without(list)};
    // Another group must not see what it did not see before.
    if (!same_group) mode &= ~mode_t{070} | (mode & 07) << 3;
    if (fstat(fd, &now) != 0) fail(path, "cannot be examined");
    if ((now.st_mode & 07777) != mode && fchmod(fd, mode) != 0)
        fail(path, "cannot be replaced: its mode cannot be kept");
}

}  // namespace handgrad
