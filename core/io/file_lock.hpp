// One writer at a time in a folder.
#pragma once

#include <filesystem>

#include "../export.hpp"

namespace handgrad {

// Holds the lock of a folder as long as it lives: flock(2) on a file `lock` in it, which stays
// there and holds the number of the process that locked it last. The kernel gives the lock back
// when the process ends in whatever way, so a file left behind never locks anybody out.
class HANDGRAD_API FileLock {
  public:
    // Throws Error(argument) if it is held already, by another process or by this one;
    // Error(output) if the file cannot be created, or not be locked on this file system.
    explicit FileLock(const std::filesystem::path& folder);
    ~FileLock();
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

  private:
    int fd_ = -1;
};

}  // namespace handgrad
