#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "../../../core/io/atomic_file.hpp"
#include "../../support/temporary_directory.hpp"

using namespace handgrad;
using handgrad::test::TemporaryDirectory;
using namespace std::string_view_literals;

namespace {

constexpr const char* kAccessList = "system.posix_acl_access";
constexpr const char* kListOfFolder = "system.posix_acl_default";

// An access list as the kernel takes it (linux/posix_acl_xattr.h): user 1234 may read and write,
// the own group read, others nothing; with a mask of 6, the bits of the group in the mode.
std::string access_list() {
    std::string list{2, 0, 0, 0};
    const auto add = [&](int tag, int rights, std::uint32_t who) {
        for (const std::uint32_t number : {std::uint32_t(tag | rights << 16), who})
            for (int shift = 0; shift < 32; shift += 8) list += char(number >> shift & 255);
    };
    constexpr std::uint32_t kNobody = 0xffffffff;
    add(0x01, 6, kNobody);
    add(0x02, 6, 1234);
    add(0x04, 4, kNobody);
    add(0x10, 6, kNobody);
    add(0x20, 0, kNobody);
    return list;
}

bool set_attribute(const std::string& path, const char* name, const std::string& value) {
    return setxattr(path.c_str(), name, value.data(), value.size(), 0) == 0;
}

std::string attribute(const std::string& path, const char* name) {
    char value[256];
    const ssize_t size = getxattr(path.c_str(), name, value, sizeof value);
    return size < 0 ? "" : std::string(value, std::size_t(size));
}

unsigned mode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("replace_file keeps what users noted beside the file, and its access list") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "weights";
    replace_file(path, "old"sv);
    if (!set_attribute(path, "user.origin", "the lab") ||
        !set_attribute(path, kAccessList, access_list())) {
        MESSAGE("not checked here: no extended attributes in " << folder.path().string());
        return;
    }
    REQUIRE(mode_of(path) == 0660);
    const std::string list = attribute(path, kAccessList);
    replace_file(path, "new"sv);
    CHECK(attribute(path, "user.origin") == "the lab");
    CHECK(attribute(path, kAccessList) == list);
    CHECK(mode_of(path) == 0660);

    const std::string other = folder.path() / "other";
    replace_file(other, "other"sv);
    copy_permissions(path, other);
    CHECK(attribute(other, "user.origin") == "the lab");
    CHECK(attribute(other, kAccessList) == list);
}

TEST_CASE("replace_file lets nobody see a file whom a list of its folder names") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "private";
    replace_file(path, "old"sv);
    REQUIRE(chmod(path.c_str(), 0640) == 0);
    if (!set_attribute(folder.path(), kListOfFolder, access_list())) {
        MESSAGE("not checked here: no access lists in " << folder.path().string());
        return;
    }
    replace_file(path, "new"sv);
    CHECK(attribute(path, kAccessList).empty());
    CHECK(mode_of(path) == 0640);
    // A file that was not there before is as the folder says.
    replace_file(folder.path() / "shared", "new"sv);
    CHECK(!attribute(folder.path() / "shared", kAccessList).empty());
}

TEST_CASE("without the access list of a file its group gets no more than before") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    // The kernel takes no such list: it is as on a file system without lists.
    std::string list = access_list();
    list[0] = 9;
    const auto give = [&](const std::string& name) {
        NewFile file(name);
        file.set_permissions({.mode = 0660,
                              .user = geteuid(),
                              .group = getegid(),
                              .access_list = list,
                              .attributes = {}});
        file.replace();
    };
    give(path);
    CHECK(mode_of(path) == 0640);
}
