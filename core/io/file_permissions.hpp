// Whatever says who may do what with a file, and what users have noted beside it, so that a file
// that takes the place of another one has the same.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "../export.hpp"

namespace handgrad {

// Mode (its last 12 bits), owner and group of a file, its POSIX access list, if it has one, and the
// extended attributes of users ("user.*"). Others stay with the old content: a capability or a
// signature (security.*) is not for another one, and trusted.* are a file system's own.
struct FilePermissions {
    unsigned mode = 0, user = 0, group = 0;
    std::string access_list;                        // as the kernel hands it out
    std::map<std::string, std::string> attributes;  // by name
};

// Those of the regular file at `path`; nothing if there is none.
HANDGRAD_API std::optional<FilePermissions> permissions_of(const std::string& path);

namespace detail {

// Gives them to an open file, as far as the process may: who cannot be given a right does not get
// it by another way, such as the group by the mode. An access list that the file has from its
// folder goes. `path` names the file in errors. Throws Error(output) if the mode cannot be set.
void give_permissions(int fd, const FilePermissions& wanted, const std::string& path);

}  // namespace detail

}  // namespace handgrad
