// Whether a file that is there may be replaced: a rename over it fails for reasons that making a
// file beside it does not show, and a result is to be refused before it is computed.
#pragma once

#include <string>

namespace handgrad::apps {

// Throws Error(output), naming `path` and the reason, if the file there cannot be replaced:
// something is mounted on it, its attributes forbid it (chattr +i or +a), or it is another user's
// in a folder such as /tmp, where everybody may remove their own files alone. Nothing if there is
// no file.
void check_replaceable(const std::string& path);

}  // namespace handgrad::apps
