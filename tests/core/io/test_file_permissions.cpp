#include <doctest/doctest.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "../../../core/io/atomic_file.hpp"
#include "../../support/temporary_directory.hpp"

using namespace handgrad;
using handgrad::test::TemporaryDirectory;
namespace fs = std::filesystem;
using namespace std::string_view_literals;

namespace {

constexpr const char* kAccessList = "system.posix_acl_access";
constexpr const char* kListOfFolder = "system.posix_acl_default";

// An access list as the kernel takes it (linux/posix_acl_xattr.h): user 1234 may read and write,
// the own group read, others nothing, unless the caller says otherwise; with a mask of 6, the bits
// of the group in the mode.
std::string access_list(int rights_of_user = 6, int rights_of_others = 0) {
    std::string list{2, 0, 0, 0};
    const auto add = [&](int tag, int rights, std::uint32_t who) {
        for (const std::uint32_t number : {std::uint32_t(tag | rights << 16), who})
            for (int shift = 0; shift < 32; shift += 8) list += char(number >> shift & 255);
    };
    constexpr std::uint32_t kNobody = 0xffffffff;
    add(0x01, 6, kNobody);
    add(0x02, rights_of_user, 1234);
    add(0x04, 4, kNobody);
    add(0x10, 6, kNobody);
    add(0x20, rights_of_others, kNobody);
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

// Replaces a file of the current folder, which everybody may write into, by a process that has no
// rights but those of a user and a group of its own. Whether it could.
bool replaced_by_user(const std::string& name, uid_t user) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const bool drops_rights = geteuid() != 0 || (setgroups(0, nullptr) == 0 &&
                                                     setgid(user) == 0 && setuid(user) == 0);
        try {
            if (drops_rights) replace_file(name, "new"sv);
            _exit(drops_rights ? 0 : 1);
        } catch (...) {
            _exit(1);
        }
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// A current folder that everybody may write into, for as long as it lives.
class SharedFolder {
  public:
    SharedFolder() {
        fs::permissions(folder_.path(), fs::perms::all);
        fs::current_path(folder_.path());
    }
    ~SharedFolder() { fs::current_path(before_); }

  private:
    fs::path before_ = fs::current_path();
    TemporaryDirectory folder_;
};

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
    const auto give = [&](const std::string& name, unsigned mode) {
        NewFile file(name);
        file.set_permissions({.mode = mode,
                              .user = geteuid(),
                              .group = getegid(),
                              .access_list = list,
                              .attributes = {}});
        file.replace();
    };
    give(path, 0660);
    CHECK(mode_of(path) == 0640);

    // Whom the list denied what others may is one of them without it.
    list = access_list(/*rights_of_user=*/0, /*rights_of_others=*/4);
    list[0] = 9;
    give(folder.path() / "denied", 0664);
    CHECK(mode_of(folder.path() / "denied") == 0600);
}

TEST_CASE("replace_file keeps what users noted beside a file that is for reading alone") {
    const SharedFolder folder;
    const uid_t user = geteuid() == 0 ? 1000 : geteuid();
    replace_file("file", "old"sv);
    if (!set_attribute("file", "user.origin", "the lab")) {
        MESSAGE("not checked here: no extended attributes of users");
        return;
    }
    REQUIRE((geteuid() != 0 || chown("file", user, user) == 0));
    for (const mode_t mode : {0400u, 0444u, 0600u}) {
        REQUIRE(chmod("file", mode) == 0);
        REQUIRE(replaced_by_user("file", user));
        CHECK(attribute("file", "user.origin") == "the lab");
        CHECK(mode_of("file") == mode);
    }
    // root may read what its owner may not.
    if (geteuid() == 0) {
        REQUIRE(chmod("file", 0200) == 0);
        REQUIRE(replaced_by_user("file", user));
        CHECK(getxattr("file", "user.origin", nullptr, 0) == -1);
    }
}

TEST_CASE("replace_file by somebody of another group shows nothing to whom the list denied it") {
    const SharedFolder folder;
    replace_file("file", "old"sv);
    if (geteuid() != 0 || chown("file", 1000, 4321) != 0) {
        MESSAGE("not checked here: files cannot be given to others");
        return;
    }
    if (!set_attribute("file", kAccessList, access_list(0, 4))) {
        MESSAGE("not checked here: no access lists");
        return;
    }
    REQUIRE(replaced_by_user("file", 1000));
    CHECK(attribute("file", kAccessList).empty());
    CHECK(mode_of("file") == 0600);
}
