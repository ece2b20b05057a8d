#include "../../../apps/common/replaceable.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "../../../apps/common/output.hpp"
#include "../../../core/error.hpp"
#include "../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::apps;
using handgrad::test::TemporaryDirectory;

namespace {

// Root as another user, as long as this lives.
class AsNobody {
  public:
    AsNobody() : changed_(geteuid() == 0 && seteuid(65534) == 0) {}
    ~AsNobody() {
        if (changed_) REQUIRE(seteuid(0) == 0);
    }
    bool changed() const { return changed_; }

  private:
    bool changed_;
};

// As chattr does; false where the file system or the user cannot.
bool set_attributes(const std::string& path, int attributes) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    const bool set = ioctl(fd, FS_IOC_SETFLAGS, &attributes) == 0;
    close(fd);
    return set;
}

// The reason why an output to the file is refused; empty if it is not.
std::string refusal(const std::string& path, Previous previous = Previous::drop) {
    try {
        const Output output(path, Links::follow, previous);
        return "";
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::output);
        return error.what();
    }
}

bool has(const std::string& text, const char* part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("Output refuses at once another user's file in a folder where each removes their own") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file", other = folder.path() / "other";
    std::ofstream(path) << "theirs";
    std::ofstream(other + ".prev") << "theirs";
    REQUIRE(chmod(folder.path().c_str(), 01777) == 0);
    CHECK(refusal(path) == "");
    const AsNobody nobody;
    if (!nobody.changed() || euidaccess(folder.path().c_str(), W_OK | X_OK) != 0) {
        MESSAGE("not root, or a folder that others cannot reach: nothing is tried as another user");
        return;
    }
    CHECK(has(refusal(path), "of another user"));
    CHECK(has(refusal(other, Previous::keep), "other.prev: cannot be replaced: it is of another"));
    CHECK(refusal(other) == "");
}

TEST_CASE("Output refuses at once a file that its attributes keep as it is") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    std::ofstream(path) << "kept";
    for (const int attribute : {FS_IMMUTABLE_FL, FS_APPEND_FL}) {
        if (!set_attributes(path, attribute)) {
            MESSAGE("attributes cannot be set here");
            return;
        }
        CHECK(has(refusal(path), "attributes"));
        REQUIRE(set_attributes(path, 0));
        CHECK(refusal(path) == "");
    }
    CHECK_NOTHROW(check_replaceable(folder.path() / "missing"));
}
