#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "../../../../apps/mnist_vae/options/options.hpp"
#include "../../../../apps/mnist_vae/run/log_csv.hpp"
#include "../../../../apps/mnist_vae/run/new_run.hpp"
#include "../../../../apps/mnist_vae/run/own_files.hpp"
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

std::string options_with_seed(std::uint64_t seed) {
    TrainOptions options;
    options.seed = seed;
    return to_toml(options);
}

// A file as this program writes it, with a mark to tell it by.
void write_own(const fs::path& path, const std::string& mark) {
    const std::string name = path.filename(), extension = path.extension();
    if (name == "options.toml")
        return write(path, options_with_seed(mark == "new" ? 7 : 8));
    if (name == "config.json")
        return write_config(RunFolder{path.parent_path()}, {.latent = mark == "new" ? 7 : 8});
    if (name == "log.csv") return write(path, std::string(kLogHeader) + "\n" + mark);
    if (extension == ".safetensors")
        return write(path, R"(        {"__metadata__":{"sha256":")" + mark);
    FAIL("no such file");
}
bool is_new(const fs::path& path) {
    const std::string text = content(path);
    return text.ends_with("new") || text.find("seed = 7\n") != text.npos ||
           text.find("\"latent\": 7") != text.npos;
}

}  // namespace

TEST_CASE("a claim that is given up takes away what it made, and nothing else") {
    const TemporaryDirectory folder;
    {
        const RunClaim claim(folder.path() / "a" / "b" / "c", OldRun::overwrite);
        CHECK(names(folder.path() / "a" / "b" / "c") == Names{"lock"});
    }
    CHECK(names(folder.path()).empty());
    {
        const RunClaim claim(folder.path() / "a" / "b" / "", OldRun::overwrite);
        write(folder.path() / "a" / "mine", "");
    }
    CHECK(names(folder.path() / "a") == Names{"mine"});
    { const RunClaim claim(folder.path(), OldRun::overwrite); }
    CHECK(names(folder.path()) == Names{"a"});
    write(folder.path() / "lock", "12\n");
    { const RunClaim claim(folder.path(), OldRun::overwrite); }
    CHECK(names(folder.path()) == Names{"a", "lock"});
    {
        RunClaim claim(folder.path() / "kept", OldRun::refuse);
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
            const RunClaim claim(path, OldRun::overwrite);
            FAIL("not refused");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::output);
        }
    }
    const RunClaim claim(folder.path() / "run", OldRun::overwrite);
    CHECK_THROWS_AS(RunClaim(folder.path() / "run", OldRun::refuse), Error);
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
                write_own(staging / name, "new");
            const char* old_names[] = {"log.csv", "model.safetensors", "best.safetensors"};
            for (const char* name : old_names) write_own(folder.path() / name, "old");
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
                CHECK(is_new(path));

            const RunClaim claim(folder.path(), OldRun::overwrite);
            CHECK(names(folder.path()) ==
                  Names{"options.toml", "config.json", "log.csv", "lock", "thesis.txt"});
            CHECK(is_new(run.log()));
            CHECK(content(folder.path() / "thesis.txt") == "mine");
        }
}

TEST_CASE("a file of somebody that has come into the way of a new run stays, and stops it") {
    const Names kFiles{"options.toml", "config.json", "log.csv"};
    for (const bool after_first_move : {false, true})
        for (const char* foreign : {"config.json", "log.csv"}) {
            CAPTURE(foreign);
            const TemporaryDirectory folder;
            const fs::path staging = begin_new_run(folder.path());
            for (const std::string& name : kFiles) write_own(staging / name, "new");
            fs::rename(staging, folder.path() / kNewRunFolder);
            if (after_first_move)
                fs::rename(folder.path() / kNewRunFolder / "options.toml",
                           folder.path() / "options.toml");
            write(folder.path() / foreign, "time,altitude\n");
            CHECK_THROWS_AS(finish_new_run(folder.path()), Error);
            CHECK(content(folder.path() / foreign) == "time,altitude\n");
            // It is the new run's folder all the same, and it goes on when there is room.
            fs::remove(folder.path() / foreign);
            finish_new_run(folder.path());
            for (const std::string& name : kFiles) CHECK(is_new(folder.path() / name));
            CHECK(names(folder.path()) == kFiles);
        }
}

TEST_CASE("a claim looks again before anything is replaced") {
    const TemporaryDirectory folder;
    write_own(folder.path() / "config.json", "old");
    write_own(folder.path() / "log.csv", "old");
    CHECK_THROWS_AS(RunClaim(folder.path(), OldRun::refuse), Error);
    CHECK_FALSE(is_there(folder.path() / "lock"));
    const RunClaim overwriting(folder.path(), OldRun::overwrite);
    CHECK(overwriting.replaces_results());
    CHECK_NOTHROW(overwriting.check_again());
    write(folder.path() / "latents.csv", "time,altitude\n");
    CHECK_THROWS_AS(overwriting.check_again(), Error);

    const RunClaim fresh(folder.path() / "fresh", OldRun::refuse);
    CHECK_NOTHROW(fresh.check_again());
    // What could be ours is somebody's, too, if it was not there before.
    write_own(folder.path() / "fresh" / "config.json", "old");
    CHECK_THROWS_AS(fresh.check_again(), Error);
}

TEST_CASE("the files of a new run have the modes of those that they replace") {
    const TemporaryDirectory folder;
    write_own(folder.path() / "log.csv", "old");
    REQUIRE(chmod((folder.path() / "log.csv").c_str(), 0600) == 0);
    const fs::path staging = begin_new_run(folder.path());
    for (const char* name : {"options.toml", "log.csv"}) write_own(staging / name, "new");
    commit_new_run(folder.path());
    struct stat status {};
    REQUIRE(stat((folder.path() / "log.csv").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    CHECK(is_new(folder.path() / "log.csv"));
    CHECK(names(folder.path()) == Names{"log.csv", "options.toml"});
}

TEST_CASE("a staging folder that was left is removed, unless it holds something else") {
    const TemporaryDirectory folder;
    fs::path staging = begin_new_run(folder.path());
    write(staging / "log.csv", "new");
    write(staging / ".handgrad-0123456789abcdef.tmp", "half");
    { const RunClaim claim(folder.path(), OldRun::overwrite); }
    CHECK(names(folder.path()).empty());
    staging = begin_new_run(folder.path());
    write(staging / "thesis.txt", "mine");
    CHECK_THROWS_AS(begin_new_run(folder.path()), Error);
    CHECK(content(staging / "thesis.txt") == "mine");
}
