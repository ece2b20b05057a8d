#include "shared_files.hpp"

#include <system_error>

namespace handgrad::apps {

namespace fs = std::filesystem;

std::vector<fs::path> shared_places(const std::string& folder) {
    std::vector<fs::path> places;
    std::error_code unknown;
    const fs::path executable = fs::read_symlink("/proc/self/exe", unknown);
    if (!unknown)
        places.push_back(executable.parent_path().parent_path() / "share" / "handgrad" / folder);
#ifdef HANDGRAD_SHARED_BUILD_DIR
    places.push_back(fs::path(HANDGRAD_SHARED_BUILD_DIR) / folder);
#endif
#ifdef HANDGRAD_SHARED_INSTALL_DIR
    places.push_back(fs::path(HANDGRAD_SHARED_INSTALL_DIR) / folder);
#endif
    return places;
}

}  // namespace handgrad::apps
