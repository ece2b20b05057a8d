// Replacing a file so that at every moment, whatever is killed or fails, its name leads to the
// whole old content or to the whole new one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "../export.hpp"

namespace handgrad {

// What becomes of the content that is replaced.
enum class Previous {
    drop,
    keep,  // as previous_path(path), in place of the one before it
};

// Where Previous::keep leaves the old file: "path.prev".
HANDGRAD_API std::string previous_path(const std::string& path);

// Writes a new file beside `path` (path.tmp.PID), flushes it to the disk, and renames it into
// place; a symbolic link at `path` is replaced itself. Throws Error(output), naming the path and
// the reason, if the folder or the new file cannot be written, or if `path` is there and is no
// regular file, such as /dev/stdout. The old file is then as it was and the temporary one is gone.
// There is one exception: an error that says the folder could not be flushed comes after the
// renaming. Two threads must not replace the same file at the same time.
HANDGRAD_API void replace_file(const std::string& path, std::span<const std::byte> content,
                               Previous previous = Previous::drop);
HANDGRAD_API void replace_file(const std::string& path, std::string_view content,
                               Previous previous = Previous::drop);

// Makes the content that Previous::keep kept that of `path` again, and drops what was there. Throws
// Error(output).
HANDGRAD_API void restore_previous(const std::string& path);

// Waits until what was written to the file is on the disk, for files that are appended to. Throws
// Error(output).
HANDGRAD_API void flush_file(const std::string& path);

// Removes what replace_file left behind in `folder` when its process was killed: regular files
// named *.tmp.PID of which no process PID exists. What cannot be removed stays; never throws.
HANDGRAD_API void remove_stale_temporaries(const std::filesystem::path& folder) noexcept;

}  // namespace handgrad
