#include "new_run.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "../../../core/error.hpp"
#include "../../../core/io/atomic_file.hpp"
#include "own_files.hpp"
#include "run_folder.hpp"

namespace handgrad::apps::mnist_vae {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& what_failed,
                       const std::string& reason) {
    throw Error(ErrorKind::output, path, what_failed + ": " + reason);
}

void refuse_stranger(const fs::path& path) {
    if (is_there(path) && !is_own_file(path))
        throw Error(ErrorKind::argument, path,
                    "is in the way of a new run, and this program did not write it", "",
                    "another place for it, or another --out");
}

void remove_file(const fs::path& path) {
    std::error_code error;
    fs::remove(path, error);
    if (error) fail(path, "cannot be removed", error.message());
}

void move_file(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (error) fail(to, "cannot be replaced", error.message());
}

}  // namespace

fs::path begin_new_run(const fs::path& folder) {
    discard_staging(folder);
    const fs::path staging = folder / kStagingFolder;
    // For its owner alone, until the files have the modes of those that they replace.
    if (mkdir(staging.c_str(), 0700) != 0) fail(staging, "cannot be made", std::strerror(errno));
    return staging;
}

OldFiles commit_new_run(const fs::path& folder) {
    const fs::path staging = folder / kStagingFolder;
    OldFiles old;
    for (const std::string name : RunFolder::names())
        if (const auto permissions = permissions_of(folder / name)) old[name] = *permissions;
    for (const char* name : RunFolder::names())
        if (is_there(staging / name)) copy_permissions(folder / name, staging / name);
    flush_file(staging);
    move_file(staging, folder / kNewRunFolder);
    flush_file(folder);
    finish_new_run(folder);
    return old;
}

void finish_new_run(const fs::path& folder) {
    const fs::path arriving = folder / kNewRunFolder;
    if (!fs::is_directory(fs::symlink_status(arriving))) return;
    // All of the old run goes before any of the new one comes, so that a program which looks at the
    // files alone never takes them for parts of one run. options.toml moves first: as long as it
    // has not, nothing has.
    static constexpr const char* kFirst = "options.toml";
    if (is_there(arriving / kFirst)) {
        for (const char* name : RunFolder::names()) refuse_stranger(folder / name);
        for (const char* name : RunFolder::names()) remove_file(folder / name);
        flush_file(folder);
        move_file(arriving / kFirst, folder / kFirst);
    }
    for (const char* name : RunFolder::names())
        if (is_there(arriving / name)) {
            refuse_stranger(folder / name);
            move_file(arriving / name, folder / name);
        }
    flush_file(folder);
    remove_file(arriving);
    flush_file(folder);
}

void discard_staging(const fs::path& folder) noexcept try {
    const fs::path staging = folder / kStagingFolder;
    std::error_code ignored;
    if (!fs::is_directory(fs::symlink_status(staging, ignored))) return;
    remove_stale_temporaries(staging);
    for (const char* name : RunFolder::names()) fs::remove(staging / name, ignored);
    fs::remove(staging, ignored);
} catch (...) {
    // A folder left behind is no harm; failing because of it would be.
}

}  // namespace handgrad::apps::mnist_vae
