#include "../../../apps/common/output.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "../../../core/error.hpp"
#include "../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::apps;
using handgrad::test::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::set<std::string> names(const fs::path& folder) {
    std::set<std::string> result;
    for (const auto& entry : fs::directory_iterator(folder)) result.insert(entry.path().filename());
    return result;
}

// A file that is open under a descriptor, some bytes of it written.
class OpenFile {
  public:
    explicit OpenFile(const fs::path& path, int flags = O_WRONLY)
        : fd_(open(path.c_str(), flags | O_CREAT | O_TRUNC, 0600)) {
        REQUIRE(fd_ >= 0);
        if (flags == O_WRONLY) REQUIRE(write(fd_, "head ", 5) == 5);
    }
    ~OpenFile() { close(fd_); }
    std::string number() const { return std::to_string(fd_); }

  private:
    int fd_;
};

void check_refused(const std::string& name, const char* reason, Links links = Links::follow) {
    CAPTURE(name);
    try {
        const Output output(name, links);
        FAIL("not refused");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::output);
        CHECK(std::string(error.what()).find(reason) != std::string::npos);
    }
}

}  // namespace

TEST_CASE("Output replaces a file when it is written, and not before") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    std::ofstream(path) << "old";
    const Output output(path);
    CHECK(output.is_file());
    CHECK(output.path() == path);
    CHECK(content(path) == "old");
    output.write("new");
    CHECK(content(path) == "new");
    CHECK(names(folder.path()) == std::set<std::string>{"file"});
    Output(folder.path() / "absent");
    CHECK(names(folder.path()) == std::set<std::string>{"file"});
}

TEST_CASE("Output finds out first what cannot be written") {
    const TemporaryDirectory folder;
    std::ofstream(folder.path() / "file") << "text";
    REQUIRE(mkfifo((folder.path() / "pipe").c_str(), 0600) == 0);
    fs::create_symlink("pipe", folder.path() / "to pipe");
    fs::create_symlink("loop", folder.path() / "loop");
    check_refused(folder.path() / "missing" / "file", "No such file");
    check_refused(folder.path() / "file" / "below", "Not a directory");
    check_refused(folder.path(), "not a regular file");
    check_refused(folder.path() / "pipe", "not a regular file");
    check_refused(folder.path() / "to pipe", "not a regular file");
    check_refused("/dev/full", "not a regular file");
    check_refused(folder.path() / "loop", "Too many levels");
    check_refused(folder.path() / std::string(300, 'x'), "too long");
}

TEST_CASE("Output follows the links of a user, and refuses those in a run folder") {
    const TemporaryDirectory folder;
    fs::create_directory(folder.path() / "inner");
    fs::create_symlink("inner/file", folder.path() / "first");
    fs::create_symlink(folder.path() / "first", folder.path() / "second");
    fs::create_symlink("inner/new", folder.path() / "dangling");
    std::ofstream(folder.path() / "inner" / "file") << "old";
    Output(folder.path() / "second").write("new");
    Output(folder.path() / "dangling").write("made");
    CHECK(content(folder.path() / "inner" / "file") == "new");
    CHECK(content(folder.path() / "inner" / "new") == "made");
    for (const char* link : {"first", "second", "dangling"}) {
        CHECK(fs::is_symlink(folder.path() / link));
        check_refused(folder.path() / link, "symbolic link", Links::refuse);
    }
    CHECK(names(folder.path() / "inner") == std::set<std::string>{"file", "new"});
}

TEST_CASE("Output writes through the descriptor that a path leads to, where it stands") {
    const TemporaryDirectory folder;
    const std::string file = folder.path() / "file";
    const OpenFile open_file(file);
    const std::string own = "/proc/self/fd/" + open_file.number();
    fs::create_symlink(own, folder.path() / "out");
    fs::create_symlink("out", folder.path() / "out of out");
    fs::create_symlink("/dev/fd", folder.path() / "fd");
    struct stat before {
    }, after{};
    REQUIRE(stat(file.c_str(), &before) == 0);
    for (const std::string& name :
         {own, "/dev/fd/" + open_file.number(), "/proc/thread-self/fd/" + open_file.number(),
          "/proc/" + std::to_string(getpid()) + "/fd/" + open_file.number(),
          std::string(folder.path() / "out"), std::string(folder.path() / "out of out"),
          std::string(folder.path() / "fd" / open_file.number())}) {
        CAPTURE(name);
        const Output output(name);
        CHECK_FALSE(output.is_file());
        output.write("text ");
    }
    CHECK(content(file) == "head text text text text text text text ");
    REQUIRE(stat(file.c_str(), &after) == 0);
    CHECK(after.st_ino == before.st_ino);
    CHECK(fs::is_symlink(folder.path() / "out"));
}

TEST_CASE("Output appends to a descriptor of another process") {
    const TemporaryDirectory folder;
    int end[2];
    REQUIRE(pipe(end) == 0);
    const OpenFile open_file(folder.path() / "file");
    const pid_t other = fork();
    REQUIRE(other >= 0);
    if (other == 0) {
        char byte = 0;
        close(end[1]);
        _exit(read(end[0], &byte, 1) == 0 ? 0 : 1);
    }
    const Output output("/proc/" + std::to_string(other) + "/fd/" + open_file.number());
    CHECK_FALSE(output.is_file());
    output.write("text");
    CHECK(content(folder.path() / "file") == "head text");
    close(end[1]);
    close(end[0]);
    waitpid(other, nullptr, 0);
}

TEST_CASE("Output refuses a descriptor that is not open, or not for writing") {
    const TemporaryDirectory folder;
    const OpenFile open_file(folder.path() / "file", O_RDONLY);
    check_refused("/dev/fd/" + open_file.number(), "open for reading");
    check_refused("/dev/fd/987", "not open");
    check_refused("/dev/fd/x", "not open");
}

TEST_CASE("a pipe is written through its descriptor, whole") {
    int ends[2];
    REQUIRE(pipe2(ends, O_NONBLOCK) == 0);
    const std::string text(1 << 20, 'x');
    const pid_t writer = fork();
    REQUIRE(writer >= 0);
    if (writer == 0) {
        try {
            Output("/dev/fd/" + std::to_string(ends[1])).write(text);
            _exit(0);
        } catch (...) {
            _exit(1);
        }
    }
    close(ends[1]);
    fcntl(ends[0], F_SETFL, 0);
    std::string found(text.size() + 1, '\0');
    std::size_t done = 0;
    for (ssize_t n = 1; n > 0; done += std::size_t(n > 0 ? n : 0))
        n = read(ends[0], found.data() + done, found.size() - done);
    found.resize(done);
    CHECK(found == text);
    close(ends[0]);
    int status = 0;
    waitpid(writer, &status, 0);
    CHECK(status == 0);
}

TEST_CASE("reserve_standard_descriptors keeps files from becoming standard output") {
    const TemporaryDirectory folder;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        for (int fd : {0, 1, 2}) close(fd);
        reserve_standard_descriptors();
        const int fd = open((folder.path() / "file").c_str(), O_WRONLY | O_CREAT, 0600);
        const bool failed = write(1, "x", 1) < 0 && write(2, "x", 1) < 0;
        _exit(fd > 2 && failed ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(content(folder.path() / "file").empty());
}
