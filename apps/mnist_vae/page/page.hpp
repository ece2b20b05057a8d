// One HTML page in one file, which asks the network for nothing and runs no code but its own.
//
// A Content-Security-Policy in the page's head forbids everything (default-src 'none') but the
// style sheets and scripts that are in the page, each by the SHA-256 of its text, and pictures that
// are in the page too (img-src data:). So whatever gets into the data or the title, it cannot
// become code. Styles in attributes and handlers such as onclick are forbidden with the rest;
// scripts set styles through element.style and listen with addEventListener.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace handgrad::apps::mnist_vae {

struct Page {
    std::string title;                      // any text
    std::string_view body;                  // HTML, one of the assets
    std::vector<std::string_view> styles;   // style sheets, in order
    std::vector<std::string_view> scripts;  // run in order, when the body and the data are there
    // JSON, for scripts: JSON.parse(document.getElementById("data").textContent). May hold any text
    // within its strings.
    std::string data;
};

// The file's content. Throws Error(argument) for a style sheet or script with "</" or "<!--" in it,
// which could end its element early.
std::string render_page(const Page& page);

// A text as it stands between tags or in a quoted attribute.
std::string escape_html(std::string_view text);

// JSON as it stands in a <script> element: every "<", which JSON has within strings alone, becomes
// \u003c.
std::string escape_json_for_script(std::string_view json);

// 'sha256-...', as a policy names an inline style sheet or script.
std::string csp_hash(std::string_view text);

}  // namespace handgrad::apps::mnist_vae
