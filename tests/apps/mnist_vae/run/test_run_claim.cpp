#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "../../../../apps/mnist_vae/run/new_run.hpp"
#include "../../../../apps/mnist_vae/run/run_claim.hpp"
#include "../../../../core/error.hpp"
#include "../../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using handgrad::test::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

using Names = std::set<std::string>;

Names names(const fs::path& folder) {
    Names result;
    for (const auto& entry : fs::directory_iterator(folder)) result.insert(entry.path().filename());
    return result;
}

void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

std::string content(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a claim that is given up takes away what it made, and nothing else") {
    const TemporaryDirectory folder;
    {
        const RunClaim claim(folder.path() / "a" / "b" / "c");
        CHECK(names(folder.path() / "a" / "b" / "c") == Names{"lock"});
    }
    CHECK(names(folder.path()).empty());
    {
        const RunClaim claim(folder.path() / "a" / "b" / "");
        write(folder.path() / "a" / "mine", "");
    }
    CHECK(names(folder.path() / "a") == Names{"mine"});
    { const RunClaim claim(folder.path()); }
    CHECK(names(folder.path()) == Names{"a"});
    write(folder.path() / "lock", "12\n");
    { const RunClaim claim(folder.path()); }
    CHECK(names(folder.path()) == Names{"a", "lock"});
    {
        RunClaim claim(folder.path() / "kept");
        claim.keep();
    }
    CHECK(names(folder.path() / "kept") == Names{"lock"});
}

TEST_CASE("a claim is refused where no folder can be, and where somebody has it") {
    const TemporaryDirectory folder;
    write(folder.path() / "file", "mine");
    for (const fs::path& path : {folder.path() / "file", folder.path() / "file" / "run",
                                 fs::path("/proc/run"), fs::path("")}) {
        try {
            const RunClaim claim(path);
            FAIL("not refused");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::output);
        }
    }
    const RunClaim claim(folder.path() / "run");
    CHECK_THROWS_AS(RunClaim(folder.path() / "run"), Error);
    CHECK(names(folder.path()) == Names{"file", "run"});
}

TEST_CASE("new folders are made by one process each, at the same moment") {
    const TemporaryDirectory folder;
    const fs::path runs = folder.path() / "deep" / "runs";
    std::vector<pid_t> children;
    for (int k = 0; k < 8; ++k) {
        const pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            try {
                RunClaim claim = RunClaim::of_new_folder(runs);
                write(claim.folder().path / "mine", "x");
                claim.keep();
                _exit(0);
            } catch (...) {
                _exit(1);
            }
        }
        children.push_back(pid);
    }
    for (const pid_t pid : children) {
        int status = 0;
        waitpid(pid, &status, 0);
        CHECK(status == 0);
    }
    CHECK(names(runs).size() == 8);
    { const RunClaim claim = RunClaim::of_new_folder(runs); }
    CHECK(names(runs).size() == 8);
}

TEST_CASE("a new run takes the place of the old one, whatever was left undone") {
    // Every prefix of the moves, as a killed process leaves it.
    for (int kept = 0; kept < 4; ++kept)
        for (int moved = 0; moved < 3; ++moved) {
            const TemporaryDirectory folder;
            const fs::path staging = begin_new_run(folder.path());
            struct stat status {};
            REQUIRE(stat(staging.c_str(), &status) == 0);
            CHECK((status.st_mode & 07777) == 0700);
            for (const char* name : {"options.toml", "config.json", "log.csv"})
                write(staging / name, "new");
            const char* old_names[] = {"log.csv", "model.safetensors", "report.html"};
            for (const char* name : old_names) write(folder.path() / name, "old");
            write(folder.path() / "thesis.txt", "mine");
            fs::rename(staging, folder.path() / kNewRunFolder);
            // Died while the old files went, or while the new ones came.
            for (int k = 0; k < kept; ++k)
                if (k < 3) fs::remove(folder.path() / old_names[k]);
            if (kept == 3)
                for (int k = 0; k < moved; ++k) {
                    const char* name = k == 0 ? "options.toml" : "config.json";
                    fs::rename(folder.path() / kNewRunFolder / name, folder.path() / name);
                }
            const RunFolder run{folder.path()};
            for (const std::string& path : {run.options(), run.config(), run.log()})
                CHECK(content(path) == "new");

            const RunClaim claim(folder.path());
            CHECK(names(folder.path()) ==
                  Names{"options.toml", "config.json", "log.csv", "lock", "thesis.txt"});
            CHECK(content(run.log()) == "new");
            CHECK(content(folder.path() / "thesis.txt") == "mine");
        }
}

TEST_CASE("the files of a new run have the modes of those that they replace") {
    const TemporaryDirectory folder;
    write(folder.path() / "log.csv", "old");
    REQUIRE(chmod((folder.path() / "log.csv").c_str(), 0600) == 0);
    const fs::path staging = begin_new_run(folder.path());
    for (const char* name : {"options.toml", "log.csv"}) write(staging / name, "new");
    commit_new_run(folder.path());
    struct stat status {};
    REQUIRE(stat((folder.path() / "log.csv").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    CHECK(content(folder.path() / "log.csv") == "new");
    CHECK(names(folder.path()) == Names{"log.csv", "options.toml"});
}

TEST_CASE("a staging folder that was left is removed, unless it holds something else") {
    const TemporaryDirectory folder;
    fs::path staging = begin_new_run(folder.path());
    write(staging / "log.csv", "new");
    write(staging / ".handgrad-0123456789abcdef.tmp", "half");
    { const RunClaim claim(folder.path()); }
    CHECK(names(folder.path()).empty());
    staging = begin_new_run(folder.path());
    write(staging / "thesis.txt", "mine");
    CHECK_THROWS_AS(begin_new_run(folder.path()), Error);
    CHECK(content(staging / "thesis.txt") == "mine");
}
