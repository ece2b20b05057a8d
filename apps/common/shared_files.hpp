// Where the files are that ship with the program: the sample of digits, published curves.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace handgrad::apps {

// The places of a folder that ships with the program, the likeliest first: under
// ../share/handgrad beside the folder of the executable, so that an installation can be moved, and
// where the build says.
std::vector<std::filesystem::path> shared_places(const std::string& folder);

}  // namespace handgrad::apps
