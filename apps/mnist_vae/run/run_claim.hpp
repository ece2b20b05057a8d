// The right of one training to write into a run folder.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "../../../core/io/file_lock.hpp"
#include "run_folder.hpp"

namespace handgrad::apps::mnist_vae {

// Holds a folder and its lock. Until keep() is called the folder holds nothing of the training, and
// what was made for it, folders and lock, goes away with the claim.
class RunClaim {
  public:
    // The folder at `path`, made with its parents if it is not there. What an earlier training left
    // half done in it is finished or cleaned up. Throws Error(output) if the folder cannot be made,
    // and what FileLock throws.
    explicit RunClaim(const std::filesystem::path& path);

    // A folder under `parent` that was not there, named after the time, whoever else makes one at
    // the same moment.
    static RunClaim of_new_folder(const std::filesystem::path& parent);

    ~RunClaim();
    RunClaim(RunClaim&&) = default;
    RunClaim& operator=(RunClaim&&) = delete;

    const RunFolder& folder() const { return folder_; }
    // The folder holds a run from here on.
    void keep();

  private:
    // Folders that were not there before, parents first. Those that are empty go away with it.
    struct MadeFolders {
        std::vector<std::filesystem::path> paths;

        MadeFolders() = default;
        MadeFolders(MadeFolders&&) = default;
        MadeFolders& operator=(MadeFolders&&) = default;
        ~MadeFolders();
        // Makes one folder; false if there is something of that name.
        bool make(const std::filesystem::path& path);
        void make_with_parents(const std::filesystem::path& path);
    };

    RunClaim(const std::filesystem::path& path, MadeFolders made);

    RunFolder folder_;
    MadeFolders made_;
    std::unique_ptr<FileLock> lock_;  // given back before the folders go away
    bool kept_ = false;
};

}  // namespace handgrad::apps::mnist_vae
