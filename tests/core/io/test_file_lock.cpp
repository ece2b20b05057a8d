#include "../../../core/io/file_lock.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "../../../core/error.hpp"
#include "../../support/temporary_directory.hpp"

using namespace handgrad;
using handgrad::test::TemporaryDirectory;

namespace {

std::optional<Error> lock_error(const std::filesystem::path& folder) {
    try {
        const FileLock lock(folder);
    } catch (const Error& error) {
        return error;
    }
    return {};
}

std::string content(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Another process that holds the lock of a folder until it is killed.
class Holder {
  public:
    explicit Holder(const std::filesystem::path& folder) {
        int ready[2];
        REQUIRE(pipe(ready) == 0);
        pid_ = fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);  // not to outlive a test that is killed itself
            try {
                const FileLock lock(folder);
                if (write(ready[1], "1", 1) == 1)
                    for (;;) pause();
            } catch (...) {
            }
            _exit(1);
        }
        close(ready[1]);
        char byte = 0;
        REQUIRE(read(ready[0], &byte, 1) == 1);
        close(ready[0]);
    }
    ~Holder() { kill_now(); }

    void kill_now() {
        if (pid_ == 0) return;
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    pid_t pid() const { return pid_; }

  private:
    pid_t pid_;
};

}  // namespace

TEST_CASE("FileLock keeps a second writer out as long as it lives") {
    const TemporaryDirectory folder;
    {
        const FileLock lock(folder.path());
        const auto error = lock_error(folder.path());
        REQUIRE(error);
        CHECK(error->kind() == ErrorKind::argument);
        CHECK(error->where() == folder.path());
    }
    CHECK_FALSE(lock_error(folder.path()));
}

TEST_CASE("FileLock names the process that holds the lock") {
    const TemporaryDirectory folder;
    const Holder other(folder.path());
    const auto error = lock_error(folder.path());
    REQUIRE(error);
    CHECK(error->what() == folder.path().string() + ": another process (PID " +
                               std::to_string(other.pid()) + ") is writing to this run folder");
    CHECK(content(folder.path() / "lock") == std::to_string(other.pid()) + "\n");
}

TEST_CASE("FileLock is free again once its holder was killed") {
    const TemporaryDirectory folder;
    Holder other(folder.path());
    other.kill_now();
    CHECK_FALSE(lock_error(folder.path()));
    CHECK(content(folder.path() / "lock") == std::to_string(getpid()) + "\n");
}

TEST_CASE("FileLock takes the file that a process of ours left behind") {
    for (const char* left : {"", "1\n", "4194304\n"}) {
        const TemporaryDirectory folder;
        std::ofstream(folder.path() / "lock") << left;
        CHECK(FileLock::is_ours(folder.path()));
        const FileLock lock(folder.path());
        CHECK_FALSE(lock.made_file());
        CHECK(content(folder.path() / "lock") == std::to_string(getpid()) + "\n");
    }
}

TEST_CASE("FileLock refuses a file that is not its own, and does not change it") {
    for (const char* foreign :
         {"a poem\n", "something longer than the number of a process\n", "12", "12\n13\n", "\n",
          "-1\n", "12\n ", "\033[2Jxx\n", "1234567890123456\n"}) {
        const TemporaryDirectory folder;
        std::ofstream(folder.path() / "lock") << foreign;
        CHECK_FALSE(FileLock::is_ours(folder.path()));
        const auto error = lock_error(folder.path());
        REQUIRE(error);
        CHECK(error->kind() == ErrorKind::argument);
        CHECK(content(folder.path() / "lock") == foreign);
    }
    const TemporaryDirectory folder;
    std::ofstream(folder.path() / "other name") << "12\n";
    std::filesystem::create_hard_link(folder.path() / "other name", folder.path() / "lock");
    CHECK_FALSE(FileLock::is_ours(folder.path()));
    CHECK(lock_error(folder.path()));
    CHECK(content(folder.path() / "other name") == "12\n");
    std::filesystem::remove(folder.path() / "lock");
    CHECK(FileLock::is_ours(folder.path()));
    std::filesystem::create_directory(folder.path() / "lock");
    CHECK_FALSE(FileLock::is_ours(folder.path()));
    CHECK(lock_error(folder.path()));
    std::filesystem::remove(folder.path() / "lock");
    REQUIRE(mkfifo((folder.path() / "lock").c_str(), 0600) == 0);
    CHECK_FALSE(FileLock::is_ours(folder.path()));
    CHECK(lock_error(folder.path()));
}

TEST_CASE("FileLock locks a file that it may read alone") {
    const TemporaryDirectory folder;
    std::ofstream(folder.path() / "lock") << "12\n";
    REQUIRE(chmod((folder.path() / "lock").c_str(), 0444) == 0);
    const FileLock lock(folder.path());
    CHECK(lock_error(folder.path()));
    // The superuser may write whatever the mode says.
    if (geteuid() != 0) CHECK(content(folder.path() / "lock") == "12\n");
}

TEST_CASE("FileLock removes its file, and whoever comes then makes a new one") {
    const TemporaryDirectory folder;
    {
        FileLock lock(folder.path());
        CHECK(lock.made_file());
        lock.remove_file();
        CHECK_FALSE(std::filesystem::exists(folder.path() / "lock"));
        FileLock other(folder.path());
        CHECK(other.made_file());
        lock.remove_file();  // not the file of the other one
        CHECK(std::filesystem::exists(folder.path() / "lock"));
    }
    CHECK_FALSE(lock_error(folder.path()));
}

TEST_CASE("FileLock is held by one process at a time, also while the file comes and goes") {
    const TemporaryDirectory folder;
    const std::string inside = folder.path() / "inside";
    std::vector<pid_t> children;
    for (int k = 0; k < 4; ++k) {
        const pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            for (int round = 0; round < 1000; ++round) try {
                    FileLock lock(folder.path());
                    if (mkdir(inside.c_str(), 0700) != 0) _exit(1);
                    rmdir(inside.c_str());
                    lock.remove_file();
                } catch (const Error&) {
                }
            _exit(0);
        }
        children.push_back(pid);
    }
    for (const pid_t pid : children) {
        int status = 0;
        waitpid(pid, &status, 0);
        CHECK(status == 0);
    }
}

TEST_CASE("FileLock is not inherited by the programs that its process starts") {
    const TemporaryDirectory folder;
    std::FILE* program = nullptr;
    {
        const FileLock lock(folder.path());
        program = popen("cat >/dev/null", "w");  // ends when its input does
        REQUIRE(program != nullptr);
    }
    CHECK_FALSE(lock_error(folder.path()));
    pclose(program);
}

TEST_CASE("FileLock is an output error where no file can be") {
    const TemporaryDirectory folder;
    std::ofstream(folder.path() / "file") << "";
    for (const char* name : {"missing", "file"}) {
        const auto error = lock_error(folder.path() / name);
        REQUIRE(error);
        CHECK(error->kind() == ErrorKind::output);
        CHECK(error->where() == folder.path() / name / "lock");
    }
}

TEST_CASE("FileLock does not write through a link") {
    const TemporaryDirectory folder;
    std::ofstream(folder.path() / "precious") << "content";
    std::filesystem::create_symlink("precious", folder.path() / "lock");
    CHECK(lock_error(folder.path()));
    CHECK(content(folder.path() / "precious") == "content");
}

TEST_CASE("WriterMark: a file that one writes is refused to others, as long as it has that name") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "gradients.csv";
    CHECK_NOTHROW(WriterMark{path});
    CHECK(content(path).empty());
    std::ofstream(path) << "rows";
    {
        const WriterMark mark(path);
        CHECK_THROWS_WITH_AS(WriterMark{path}, doctest::Contains("gradients.csv"), Error);
        // Another file of that name.
        std::filesystem::rename(path, path + ".old");
        std::ofstream(path) << "others";
        CHECK_NOTHROW(WriterMark{path});
    }
    CHECK_NOTHROW(WriterMark{path + ".old"});
    CHECK(content(path + ".old") == "rows");
}
