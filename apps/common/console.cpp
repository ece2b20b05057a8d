#include "console.hpp"

#include <cerrno>  // the program's name
#include <cstdio>

#include "../../core/error.hpp"

namespace handgrad::apps {

void print(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
        throw Error(ErrorKind::output, "standard output", "cannot be written");
}

void print_error(const std::string& text) {
    std::string line;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            char code[8];
            std::snprintf(code, sizeof code, "\\x%02x", c);
            line += c == '\n' ? "\\n" : code;
        } else {
            line += c;
        }
    }
    std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, line.c_str());
}

void warn(const std::string& text) { print_error("warning: " + text); }

}  // namespace handgrad::apps
