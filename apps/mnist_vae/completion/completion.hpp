// Scripts that complete the command line in a shell, written from the definitions of the command
// line itself, so that they know every command, option and value that there is.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace handgrad::apps::mnist_vae {

enum class Shell { bash, zsh, fish };
inline constexpr const char* kShellNames[] = {"bash", "zsh", "fish"};

// Completes commands, options, the names that an option may have for a value, files and folders,
// and for RUN the run folders under runs/. `app` is the program with its commands.
std::string completion_script(const CLI::App& app, Shell shell);

}  // namespace handgrad::apps::mnist_vae
