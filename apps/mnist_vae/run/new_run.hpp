// A new run in a folder that may hold an old one: nothing of the old run is touched before the new
// one has been saved for the first time, and at every moment the folder is that of one of the two.
//
//   .handgrad-staging/   the new run's first files, as they are written
//   .handgrad-new/       the same, complete: from here on the folder is the new run's, and its
//   files
//                        are looked for in there first (RunFolder)
//
// Then the old run's files are removed, and the new ones moved up. A process that died on the way
// leaves this to the next one. All of it under the folder's lock.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "../../../core/io/atomic_file.hpp"

namespace handgrad::apps::mnist_vae {

inline constexpr const char* kStagingFolder = ".handgrad-staging";
inline constexpr const char* kNewRunFolder = ".handgrad-new";

// Makes the staging folder, empty. Throws Error(output).
std::filesystem::path begin_new_run(const std::filesystem::path& folder);

// The permissions of the files of an old run, by name.
using OldFiles = std::map<std::string, FilePermissions>;

// The files in the staging folder take the place of those of the old run, whose modes and owners
// they get. Returns the old files, for those that the new run writes later. Throws Error(output);
// if the new run had been complete by then, finish_new_run goes on.
OldFiles commit_new_run(const std::filesystem::path& folder);

// Does what a commit left undone, if anything. Throws Error(output), or Error(argument) if a file
// that is not surely ours has come into the way; it stays.
void finish_new_run(const std::filesystem::path& folder);

// Removes a staging folder that was not committed, as far as its files are ours. Never throws.
void discard_staging(const std::filesystem::path& folder) noexcept;

}  // namespace handgrad::apps::mnist_vae
