#include "../../../core/io/atomic_file.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <set>

#include "../../../core/error.hpp"
#include "../../support/temporary_directory.hpp"

using namespace handgrad;
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

std::optional<Error> replace_error(const std::string& path, std::string_view text,
                                   Previous previous = Previous::drop) {
    try {
        replace_file(path, text, previous);
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::output);
        CHECK(error.where() == path);
        return error;
    }
    return {};
}

// No file may grow beyond `bytes` while this lives: writing stops half-way, as on a full disk.
class SmallDisk {
  public:
    explicit SmallDisk(rlim_t bytes) {
        handler_ = signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    }
    ~SmallDisk() {
        setrlimit(RLIMIT_FSIZE, &before_);
        signal(SIGXFSZ, handler_);
    }

  private:
    rlimit before_{};
    void (*handler_)(int);
};

// The number of a process that ran and is no more.
pid_t dead_process() {
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) _exit(0);
    waitpid(pid, nullptr, 0);
    return pid;
}

// Replaces the file by one text and the other in turn, and says so after each round. Returns on
// failure alone.
void write_for_ever(const std::string& path, const std::string& a, const std::string& b,
                    int turns) {
    try {
        do {
            replace_file(path, a, Previous::keep);
            replace_file(path, b, Previous::keep);
        } while (write(turns, "1", 1) == 1);
    } catch (...) {
    }
}

}  // namespace

TEST_CASE("replace_file creates a file and replaces it whole") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    for (const std::string& text : {std::string("first, longer"), std::string("second"),
                                    std::string(), std::string("a\0b", 3)}) {
        replace_file(path, text);
        CHECK(content(path) == text);
    }
    const std::byte bytes[] = {std::byte{0xff}, std::byte{0}};
    replace_file(path, bytes);
    CHECK(content(path) == std::string("\xff\0", 2));
    CHECK(names(folder.path()) == std::set<std::string>{"file"});
}

TEST_CASE("replace_file takes a name without a folder") {
    const TemporaryDirectory folder;
    const fs::path before = fs::current_path();
    fs::current_path(folder.path());
    const auto error = replace_error("file", "text");
    fs::current_path(before);
    CHECK_FALSE(error);
    CHECK(content(folder.path() / "file") == "text");
}

TEST_CASE("replace_file leaves the readers of the old file alone") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    replace_file(path, "old");
    std::ifstream reader(path);
    replace_file(path, "new");
    std::string text;
    reader >> text;
    CHECK(text == "old");
}

TEST_CASE("replace_file is an output error that says why where no file can be") {
    const TemporaryDirectory folder;
    replace_file(folder.path() / "file", "text");
    const auto missing = replace_error(folder.path() / "missing" / "file", "text");
    REQUIRE(missing);
    CHECK(std::string(missing->what()).ends_with("No such file or directory"));
    const auto below = replace_error(folder.path() / "file" / "file", "text");
    REQUIRE(below);
    CHECK(std::string(below->what()).ends_with("Not a directory"));
    CHECK(replace_error("", "text"));
    CHECK(replace_error(folder.path() / std::string(300, 'x'), "text"));
    CHECK_THROWS_AS(NewFile(folder.path() / "missing" / "file"), Error);
    CHECK(names(folder.path()) == std::set<std::string>{"file"});
}

TEST_CASE("replace_file does not replace a folder, a pipe or a device") {
    const TemporaryDirectory folder;
    const std::string inner = folder.path() / "inner", pipe = folder.path() / "pipe";
    fs::create_directory(inner);
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    for (const std::string& name : {inner, pipe, std::string("/dev/full")}) {
        const auto error = replace_error(name, "text");
        REQUIRE(error);
        CHECK(std::string(error->what()).ends_with("it is not a regular file"));
    }
    CHECK(fs::is_directory(inner));
    CHECK(fs::is_fifo(pipe));
    CHECK(names(folder.path()) == std::set<std::string>{"inner", "pipe"});
}

TEST_CASE("replace_file keeps the old file when the disk is full half-way") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file", text(100'000, 'x');
    replace_file(path, "old");
    for (const Previous previous : {Previous::drop, Previous::keep}) {
        std::optional<Error> error;
        {
            const SmallDisk disk(4096);
            error = replace_error(path, text, previous);
        }
        REQUIRE(error);
        CHECK(std::string(error->what()) == path + ": cannot be written: File too large");
        CHECK(content(path) == "old");
        CHECK(names(folder.path()) == std::set<std::string>{"file"});
    }
}

TEST_CASE("replace_file takes every name that the file system takes") {
    const TemporaryDirectory folder;
    const std::string longest(255, 'x'), almost(250, 'y');
    replace_file(folder.path() / longest, "text");
    replace_file(folder.path() / almost, "text", Previous::keep);
    CHECK(names(folder.path()) == std::set<std::string>{longest, almost});
    CHECK_THROWS_AS(replace_file(folder.path() / longest, "new", Previous::keep), Error);
    CHECK(content(folder.path() / longest) == "text");
}

TEST_CASE("replace_file does not replace a symbolic link") {
    const TemporaryDirectory folder;
    std::ofstream(folder.path() / "precious") << "content";
    fs::create_symlink("precious", folder.path() / "link");
    fs::create_symlink("nowhere", folder.path() / "dangling");
    fs::create_symlink("precious", folder.path() / "kept.prev");
    replace_file(folder.path() / "other", "text");
    for (const char* name : {"link", "dangling"}) {
        const auto error = replace_error(folder.path() / name, "text");
        REQUIRE(error);
        CHECK(std::string(error->what()).ends_with("it is a symbolic link"));
    }
    CHECK_THROWS_AS(replace_file(folder.path() / "kept", "text", Previous::keep), Error);
    CHECK(content(folder.path() / "precious") == "content");
    CHECK(names(folder.path()) ==
          std::set<std::string>{"dangling", "kept.prev", "link", "other", "precious"});
}

TEST_CASE("replace_file keeps the mode of the file, and its owner") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    replace_file(path, "1");
    for (const mode_t mode : {0600u, 0640u, 0400u, 0666u, 0755u, 0604u}) {
        REQUIRE(chmod(path.c_str(), mode) == 0);
        replace_file(path, "2", Previous::keep);
        for (const std::string& name : {path, previous_path(path)}) {
            struct stat status {};
            REQUIRE(stat(name.c_str(), &status) == 0);
            CHECK((status.st_mode & 07777) == mode);
        }
    }
    if (geteuid() != 0) return;
    REQUIRE(chown(path.c_str(), 1234, 4321) == 0);
    REQUIRE(chmod(path.c_str(), 0640) == 0);
    replace_file(path, "3");
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    CHECK(status.st_uid == 1234);
    CHECK(status.st_gid == 4321);
    CHECK((status.st_mode & 07777) == 0640);
}

TEST_CASE(
    "NewFile shows nothing of a private file before it replaces it, and is gone if it does not") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    replace_file(path, "old");
    REQUIRE(chmod(path.c_str(), 0600) == 0);
    {
        NewFile file(path);
        file.write("secret");
        CHECK(names(folder.path()).size() == 2);
        for (const auto& entry : fs::directory_iterator(folder.path()))
            CHECK((entry.status().permissions() & fs::perms(0077)) == fs::perms::none);
    }
    CHECK(content(path) == "old");
    CHECK(names(folder.path()) == std::set<std::string>{"file"});
}

TEST_CASE("copy_permissions gives one file the mode of another, if there is one") {
    const TemporaryDirectory folder;
    const std::string from = folder.path() / "from", to = folder.path() / "to";
    replace_file(from, "1");
    replace_file(to, "2");
    REQUIRE(chmod(from.c_str(), 0640) == 0);
    copy_permissions(from, to);
    copy_permissions(folder.path() / "missing", to);
    struct stat status {};
    REQUIRE(stat(to.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0640);
    CHECK_THROWS_AS(copy_permissions(from, folder.path() / "missing"), Error);
}

TEST_CASE("Previous::keep leaves the content before as path.prev") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    CHECK(previous_path(path) == path + ".prev");
    replace_file(path, "1", Previous::keep);
    CHECK(names(folder.path()) == std::set<std::string>{"file"});
    replace_file(path, "2", Previous::keep);
    CHECK(content(path + ".prev") == "1");
    replace_file(path, "3", Previous::keep);
    CHECK(content(path + ".prev") == "2");
    CHECK(content(path) == "3");
    replace_file(path, "4");
    CHECK(content(path + ".prev") == "2");
    CHECK(names(folder.path()) == std::set<std::string>{"file", "file.prev"});
}

TEST_CASE("restore_previous brings the content before back, in place of what is there") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    replace_file(path, "1", Previous::keep);
    CHECK_THROWS_AS(restore_previous(path), Error);
    CHECK(content(path) == "1");
    replace_file(path, "2", Previous::keep);
    restore_previous(path);
    CHECK(content(path) == "1");
    CHECK(names(folder.path()) == std::set<std::string>{"file"});
}

TEST_CASE("Previous::keep goes on from where a killed process left two names of one file") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    replace_file(path, "1");
    fs::create_hard_link(path, path + ".prev");
    replace_file(path, "2", Previous::keep);
    CHECK(content(path) == "2");
    CHECK(content(path + ".prev") == "1");
    CHECK(names(folder.path()) == std::set<std::string>{"file", "file.prev"});
}

TEST_CASE("Previous::keep is an error, and changes nothing, where the old file cannot be kept") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    replace_file(path, "1");
    fs::create_directory(path + ".prev");
    CHECK_THROWS_AS(replace_file(path, "2", Previous::keep), Error);
    CHECK(content(path) == "1");
    CHECK(names(folder.path()) == std::set<std::string>{"file", "file.prev"});
}

TEST_CASE("flush_file is an output error for a file that cannot be flushed") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    std::ofstream(path) << "text";
    flush_file(path);
    CHECK(content(path) == "text");
    CHECK_THROWS_WITH_AS(flush_file(path + "2"), doctest::Contains("No such file"), Error);
}

TEST_CASE("a file and its previous one are whole whenever the writer is killed") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    const std::string a(300'000, 'a'), b(200'000, 'b');
    replace_file(path, a);
    replace_file(path, b, Previous::keep);
    for (int round = 0; round < 20; ++round) {
        int turns[2];
        REQUIRE(pipe(turns) == 0);
        const pid_t writer = fork();
        REQUIRE(writer >= 0);
        if (writer == 0) {
            write_for_ever(path, a, b, turns[1]);
            _exit(1);
        }
        close(turns[1]);
        char byte = 0;
        CHECK(read(turns[0], &byte, 1) == 1);
        usleep(static_cast<useconds_t>(round) * 100);  // another moment each time
        kill(writer, SIGKILL);
        waitpid(writer, nullptr, 0);
        close(turns[0]);
        for (const std::string& name : {path, previous_path(path)}) {
            const std::string found = content(name);
            CHECK((found == a || found == b));
        }
        remove_stale_temporaries(folder.path());
        CHECK(names(folder.path()) == std::set<std::string>{"file", "file.prev"});
    }
}

TEST_CASE("remove_stale_temporaries removes what dead processes left, and nothing else") {
    const TemporaryDirectory folder;
    const std::set<std::string> kept = {
        "file",
        "file.prev",
        "thesis.tmp.2024",
        "file.tmp." + std::to_string(dead_process()),
        ".handgrad-.tmp",
        ".handgrad-0123456789abcde.tmp",
        ".handgrad-0123456789abcdeg.tmp",
        ".handgrad-0123456789ABCDEF.tmp",
        ".handgrad-0123456789abcdef.tmp.txt",
        "x.handgrad-0123456789abcdef.tmp",
    };
    for (const std::string& name : kept) std::ofstream(folder.path() / name) << "text";
    std::ofstream(folder.path() / ".handgrad-0123456789abcdef.tmp") << "half of a con";
    fs::create_directory(folder.path() / ".handgrad-1111111111111111.tmp");
    fs::create_symlink("file", folder.path() / ".handgrad-2222222222222222.tmp");

    remove_stale_temporaries(folder.path());
    std::set<std::string> expected = kept;
    expected.insert({".handgrad-1111111111111111.tmp", ".handgrad-2222222222222222.tmp"});
    CHECK(names(folder.path()) == expected);
    CHECK(content(folder.path() / "file") == "text");

    remove_stale_temporaries(folder.path() / "missing");
    remove_stale_temporaries(folder.path() / "file");
}

TEST_CASE("remove_stale_temporaries leaves the file of a live process, whatever its number") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "file";
    int ready[2], go[2];
    REQUIRE(pipe(ready) == 0);
    REQUIRE(pipe(go) == 0);
    const pid_t writer = fork();
    REQUIRE(writer >= 0);
    if (writer == 0) {
        char byte = 0;
        NewFile file(path);
        file.write("whole");
        if (write(ready[1], "1", 1) == 1 && read(go[0], &byte, 1) == 1) file.replace();
        _exit(0);
    }
    char byte = 0;
    CHECK(read(ready[0], &byte, 1) == 1);
    remove_stale_temporaries(folder.path());
    CHECK(names(folder.path()).size() == 1);
    CHECK(write(go[1], "1", 1) == 1);
    waitpid(writer, nullptr, 0);
    for (int end : {ready[0], ready[1], go[0], go[1]}) close(end);
    CHECK(content(path) == "whole");
    CHECK(names(folder.path()) == std::set<std::string>{"file"});
}
