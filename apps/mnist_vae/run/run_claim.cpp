#include "run_claim.hpp"

#include <ctime>
#include <string>
#include <system_error>
#include <utility>

#include "../../../core/error.hpp"
#include "../../../core/io/atomic_file.hpp"
#include "new_run.hpp"

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

RunClaim::RunClaim(const fs::path& path) : RunClaim(path, MadeFolders()) {}

RunClaim::RunClaim(const fs::path& path, MadeFolders made) : folder_{path}, made_(std::move(made)) {
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
    finish_new_run(path);
    discard_staging(path);
    remove_stale_temporaries(path);
}

RunClaim RunClaim::of_new_folder(const fs::path& parent) {
    MadeFolders made;
    made.make_with_parents(parent);
    const std::string first = parent / time_stamp();
    fs::path path = first;
    for (int i = 2; !made.make(path); ++i) path = first + "-" + std::to_string(i);
    return RunClaim(path, std::move(made));
}

RunClaim::~RunClaim() {
    if (lock_ == nullptr || kept_) return;
    discard_staging(folder_.path);
    if (lock_->made_file()) lock_->remove_file();
}

void RunClaim::keep() {
    kept_ = true;
    made_.paths.clear();
}

}  // namespace handgrad::apps::mnist_vae
