// Which files this program surely wrote. Only such a file in a run folder is removed, or replaced
// without its owner's word: many programs write a log.csv or a config.json.
#pragma once

#include <filesystem>

#include "../../common/output.hpp"

namespace handgrad::apps::mnist_vae {

// Whether there is anything of that name, be it a link that leads nowhere.
bool is_there(const std::filesystem::path& path);

// Whether a regular file is what this program writes under such a name: told by its first bytes,
// which no other program writes; options.toml and config.json by all that they say. An empty file
// has nothing to lose and counts as one. Throws Error(input) for a file that cannot be read.
bool is_own_file(const std::filesystem::path& path);

// Throws Error(output) if there is something at `path` that is not surely ours.
void check_own_file(const std::filesystem::path& path);

// A result whose name is ours, in a run folder or another one. Throws what Output and
// check_own_file throw.
Output output_in_run(const std::filesystem::path& path);

}  // namespace handgrad::apps::mnist_vae
