// The output that a user names: a file, or a descriptor that is open already.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "../../core/io/atomic_file.hpp"

namespace handgrad::apps {

// Whether a symbolic link is followed to the file that it leads to.
enum class Links {
    follow,  // for the name that a user typed
    refuse,  // for a name of ours in a run folder, where a link is not ours
};

// The destination of a command's result.
//
//   a file                       is replaced atomically (core/io/atomic_file.hpp)
//   "-"                          is standard output
//   /dev/stdout, /dev/fd/N, ...  every path that leads through the descriptors of a process is
//                                written through that descriptor; nothing is replaced
//
// Anything else, such as a device, a pipe with a name or a folder, is refused.
class Output {
  public:
    // Throws Error(output), naming the path, if it cannot be written; nothing has changed then. A
    // link of another user in a folder that everybody may write to is refused too, as Linux does
    // with fs.protected_symlinks.
    explicit Output(const std::string& name, Links links = Links::follow,
                    Previous previous = Previous::drop);

    // False for a descriptor: then standard output, which it may be, gets nothing else.
    bool is_file() const { return descriptor_ < 0 && foreign_descriptor_.empty(); }
    // The file.
    const std::string& path() const { return path_; }

    // Throws Error(output).
    void write(std::span<const std::byte> content) const;
    void write(std::string_view content) const;
    // Prints the name as the user knows it, for a file alone.
    void print_name() const;

  private:
    void find_descriptor(const std::string& folder, const std::string& number);
    void follow_links(Links links);

    std::string name_, path_;
    Previous previous_;
    int descriptor_ = -1;             // of this process
    std::string foreign_descriptor_;  // of another process: its path under /proc
};

// Opens the standard descriptors that a program was started without, so that no file that is
// opened later becomes its standard output. Writing to them fails. To be called first in main.
void reserve_standard_descriptors();

}  // namespace handgrad::apps
