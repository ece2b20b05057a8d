// The right of one training to write into a run folder.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "../../../core/io/file_lock.hpp"
#include "run_folder.hpp"

namespace handgrad::apps::mnist_vae {

// The user's word on a run that the folder holds already.
enum class OldRun {
    refuse,
    overwrite,  // the new one takes its place
    go_on,      // the same run: from its checkpoint, or from the start if it has not begun
};

// Throws Error(argument) if a training would replace files that it was not told to replace,
// Error(input) if a run that is to go on has lost its checkpoint. Returns whether it takes the
// place of a run with results.
bool check_room(const RunFolder& folder, OldRun old_run);

// Holds a folder and its lock. Until keep() is called the folder holds nothing of the training, and
// what was made for it, folders and lock, goes away with the claim.
class RunClaim {
  public:
    // The folder at `path`, made with its parents if it is not there. What an earlier training left
    // half done in it is finished or cleaned up. Throws Error(output) if the folder cannot be made,
    // and what FileLock and check_room throw.
    RunClaim(const std::filesystem::path& path, OldRun old_run);

    // A folder under `parent` that was not there, named after the time, whoever else makes one at
    // the same moment.
    static RunClaim of_new_folder(const std::filesystem::path& parent);

    ~RunClaim();
    RunClaim(RunClaim&&) = default;
    RunClaim& operator=(RunClaim&&) = delete;

    const RunFolder& folder() const { return folder_; }
    // Whether there was a run with results that is to be overwritten.
    bool replaces_results() const { return replaces_results_; }
    // Looks again: others may have put files into the folder meanwhile. Throws what check_room
    // throws. To be called before anything in it is replaced for the first time.
    void check_again() const;
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

    RunClaim(const std::filesystem::path& path, OldRun old_run, MadeFolders made);
    void give_up() noexcept;

    RunFolder folder_;
    OldRun old_run_;
    MadeFolders made_;
    std::unique_ptr<FileLock> lock_;  // given back before the folders go away
    bool replaces_results_ = false, kept_ = false;
};

}  // namespace handgrad::apps::mnist_vae
