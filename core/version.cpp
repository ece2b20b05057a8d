#include "version.hpp"

namespace handgrad {

Version version() noexcept {
    return {HANDGRAD_VERSION_MAJOR, HANDGRAD_VERSION_MINOR, HANDGRAD_VERSION_PATCH,
            HANDGRAD_VERSION};
}

}  // namespace handgrad
