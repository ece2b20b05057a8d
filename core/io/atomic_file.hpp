// Replacing a file so that at every moment, whatever is killed or fails, its name leads to the
// whole old content or to the whole new one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "../export.hpp"
#include "file_permissions.hpp"

namespace handgrad {

// The fate of the content that is replaced.
enum class Previous {
    drop,
    keep,  // as previous_path(path), in place of the one before it
};

// Where Previous::keep leaves the old file: "path.prev".
HANDGRAD_API std::string previous_path(const std::string& path);

// A file under a temporary name beside the one that it replaces when it is complete. The name is
// .handgrad-RANDOM.tmp, and the file is locked (flock) as long as this lives.
class HANDGRAD_API NewFile {
  public:
    // Throws Error(output), naming `path` and the reason, if no file can be made in its folder, or
    // if `path` is there and is no regular file: a folder, a device, a pipe, a symbolic link.
    explicit NewFile(std::string path, Previous previous = Previous::drop);
    // Removes the file unless it has replaced the old one.
    ~NewFile();
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    // If there is no old file: gets the permissions of another one. Throws Error(output).
    void set_permissions(const FilePermissions& like);

    // Appends to the file. Throws Error(output).
    void write(std::span<const std::byte> content);
    void write(std::string_view content);

    // Flushes the file to the disk and renames it into place. It gets the permissions of the old
    // file as far as the process may give them; a group that cannot be kept gets no more rights
    // than everybody has. Throws Error(output); the old file is then as it was, with
    // one exception: an error that says the folder could not be flushed comes after the renaming.
    void replace();

  private:
    bool create(unsigned mode);

    std::string path_, temporary_;
    Previous previous_;
    std::optional<FilePermissions> old_;
    int folder_ = -1, file_ = -1;
};

// NewFile, write and replace in one call. Two threads must not replace the same file at the same
// time.
HANDGRAD_API void replace_file(const std::string& path, std::span<const std::byte> content,
                               Previous previous = Previous::drop);
HANDGRAD_API void replace_file(const std::string& path, std::string_view content,
                               Previous previous = Previous::drop);

// Makes the content that Previous::keep kept that of `path` again, and drops the present one.
// Throws Error(output).
HANDGRAD_API void restore_previous(const std::string& path);

// Gives the file `to` the permissions of the file `from`, as NewFile::replace does;
// nothing if there is no `from`. Throws Error(output).
HANDGRAD_API void copy_permissions(const std::string& from, const std::string& to);

// Waits until the content of a file that is appended to, or the names in a folder, are on the disk.
// Throws Error(output).
HANDGRAD_API void flush_file(const std::string& path);

// Removes the files in `folder` that a NewFile left behind when its process was killed: regular
// files with such a name that nobody has locked. A file that cannot be removed stays; never throws.
HANDGRAD_API void remove_stale_temporaries(const std::filesystem::path& folder) noexcept;

}  // namespace handgrad
