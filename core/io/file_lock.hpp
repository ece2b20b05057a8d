// One writer at a time in a folder.
#pragma once

#include <filesystem>
#include <string>

#include "../export.hpp"

namespace handgrad {

// Holds the lock of a folder as long as it lives: flock(2) on a file `lock` in it, which stays
// there and holds the number of the process that locked it last. The kernel gives the lock back
// when the process ends in whatever way, so a file left behind never locks anybody out.
class HANDGRAD_API FileLock {
  public:
    // Throws Error(argument) if another process, or this one, holds the lock already, or if `lock`
    // is a file of somebody else: no regular file, or one with another name too, or with any
    // content but the number of a process; such a file is not changed. Throws Error(output) if the
    // file cannot be created or opened, or not be locked on this file system.
    explicit FileLock(const std::filesystem::path& folder);
    ~FileLock();
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

    // Whether the file was not there before.
    bool made_file() const { return made_file_; }
    // Removes the file. Another process that has opened it meanwhile finds out and makes a new one.
    void remove_file() noexcept;

    // Whether `lock` in the folder is a file that FileLock may have written, or is not there.
    static bool is_ours(const std::filesystem::path& folder);

  private:
    bool open_file();

    std::string path_;
    int fd_ = -1;
    bool made_file_ = false;
};

// Tells other processes, as long as it lives, that a file is being written: flock(2) on the file.
class HANDGRAD_API WriterMark {
  public:
    // Throws Error(argument) if another process, or this one, has marked the file. Marks nothing if
    // there is no file at `path`, or where files cannot be locked.
    explicit WriterMark(const std::string& path);
    ~WriterMark();
    WriterMark(const WriterMark&) = delete;
    WriterMark& operator=(const WriterMark&) = delete;

  private:
    int fd_ = -1;
};

}  // namespace handgrad
