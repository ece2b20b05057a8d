#include "../../../core/io/file_lock.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

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

TEST_CASE("FileLock takes any file left behind, and repeats nothing strange from it") {
    const TemporaryDirectory folder;
    std::ofstream(folder.path() / "lock") << "something longer than the number of a process\n";
    {
        const FileLock lock(folder.path());
        CHECK(content(folder.path() / "lock") == std::to_string(getpid()) + "\n");
        std::ofstream(folder.path() / "lock") << "\033[2Jxx\n";
        const auto error = lock_error(folder.path());
        REQUIRE(error);
        CHECK(error->what() ==
              folder.path().string() + ": another process is writing to this run folder");
    }
    CHECK_FALSE(lock_error(folder.path()));
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
