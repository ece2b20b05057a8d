// The style sheets, scripts and templates of the HTML pages, which lie as files beside the C++ and
// are in the program: embed_assets.py makes the source of this from the list in meson.build.
#pragma once

#include <string_view>

namespace handgrad::apps::mnist_vae {

// The content of the asset of that name, such as "page.css". Throws std::out_of_range for a name
// that is not in the list: a mistake in the program, not in what it was given.
std::string_view asset(std::string_view name);

}  // namespace handgrad::apps::mnist_vae
