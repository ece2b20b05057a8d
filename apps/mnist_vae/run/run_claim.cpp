#include "run_claim.hpp"

#include <ctime>
#include <string>
#include <system_error>
#include <utility>

#include "../../../core/error.hpp"
#include "../../../core/io/atomic_file.hpp"
#include "checkpoint.hpp"
#include "new_run.hpp"
#include "own_files.hpp"

namespace handgrad::apps::mnist_vae {

namespace fs = std::filesystem;

namespace {

std::string time_stamp() {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    char stamp[32];
    std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
    return stamp;
}

constexpr int kTries = 100;  // against others that make and remove folders all the time

}  // namespace

RunClaim::MadeFolders::~MadeFolders() {
    std::error_code not_empty;
    for (auto path = paths.rbegin(); path != paths.rend(); ++path) fs::remove(*path, not_empty);
}

bool RunClaim::MadeFolders::make(const fs::path& path) {
    std::error_code error;
    const bool is_new = fs::create_directory(path, error);
    if (error && error != std::errc::file_exists)
        throw Error(ErrorKind::output, path, "cannot be made a folder: " + error.message());
    if (is_new) paths.push_back(path);
    return is_new;
}

void RunClaim::MadeFolders::make_with_parents(const fs::path& path) {
    // A path that cannot be looked at throws an error of its own.
    if (fs::is_directory(path)) return;
    const fs::path parent = path.parent_path();
    if (!parent.empty() && parent != path && !fs::exists(parent)) make_with_parents(parent);
    if (!make(path) && !fs::is_directory(path))
        throw Error(ErrorKind::output, path, "cannot be made a folder: a file has that name");
}

[[noreturn]] static void refuse_strangers(const RunFolder& folder, const std::string& files) {
    throw Error(ErrorKind::argument, folder.path.string(),
                "holds files that a run would replace, and that this program did not write", files,
                "another --out");
}

[[noreturn]] static void refuse_run(const RunFolder& folder) {
    throw Error(ErrorKind::argument, folder.path.string(), "already holds a run", "",
                "--resume, --overwrite or another --out");
}

bool check_room(const RunFolder& folder, OldRun old_run) {
    if (old_run == OldRun::go_on && checkpoint_exists(folder.checkpoint())) {
        // Found now, not when an epoch is to be saved. Logs and config.json are read later, and
        // pictures and pages of others are no reason not to train.
        std::string strangers = foreign_names(folder);
        for (const std::string& path : {folder.model(), folder.best()})
            if (strangers.empty() && is_there(path) && !is_own_file(path))
                strangers = std::filesystem::path(path).filename();
        if (!strangers.empty()) refuse_strangers(folder, strangers);
        return false;
    }
    const FolderContents found = contents_of(folder);
    if (found.kind == Contents::strangers) refuse_strangers(folder, found.files);
    if (found.kind == Contents::nothing) return false;
    if (old_run == OldRun::refuse) refuse_run(folder);
    if (old_run == OldRun::go_on && found.has_results)
        throw Error(ErrorKind::input, folder.path.string(), "holds a run without its checkpoint",
                    found.files, "checkpoint.safetensors to go on from, or --overwrite");
    return found.has_results;
}

RunClaim::RunClaim(const fs::path& path, OldRun old_run) : RunClaim(path, old_run, {}) {}

RunClaim::RunClaim(const fs::path& path, OldRun old_run, MadeFolders made)
    : folder_{path}, old_run_(old_run), made_(std::move(made)) {
    for (int i = 1; lock_ == nullptr; ++i) {
        made_.make_with_parents(path);
        try {
            lock_ = std::make_unique<FileLock>(path);
        } catch (const Error&) {
            // Its maker may have given the folder up just now.
            std::error_code ignored;
            if (i == kTries || fs::exists(path, ignored)) throw;
        }
    }
    try {
        finish_new_run(path);
        discard_staging(path);
        remove_stale_temporaries(path);
        replaces_results_ = check_room(folder_, old_run);
    } catch (const Error&) {
        give_up();
        throw;
    }
}

RunClaim RunClaim::of_new_folder(const fs::path& parent) {
    MadeFolders made;
    made.make_with_parents(parent);
    const std::string first = parent / time_stamp();
    fs::path path = first;
    for (int i = 2; !made.make(path); ++i) path = first + "-" + std::to_string(i);
    return RunClaim(path, OldRun::refuse, std::move(made));
}

RunClaim::~RunClaim() {
    if (lock_ != nullptr && !kept_) give_up();
}

void RunClaim::give_up() noexcept {
    discard_staging(folder_.path);
    if (lock_->made_file()) lock_->remove_file();
}

void RunClaim::check_again() const {
    // A run that had not begun has no results of its own, nor a checkpoint.
    if (old_run_ == OldRun::go_on && contents_of(folder_).has_results) refuse_run(folder_);
    check_room(folder_, old_run_);
}

void RunClaim::keep() {
    kept_ = true;
    made_.paths.clear();
}

}  // namespace handgrad::apps::mnist_vae
