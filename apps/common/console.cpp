#include "console.hpp"

#include <unistd.h>

#include <cerrno>  // the program's name
#include <cstdio>

#include "../../core/error.hpp"
#include "printable.hpp"

namespace handgrad::apps {

void print(const std::string& text) { print_raw(printable_lines(text)); }

void print_path(const std::string& path) {
    print_raw((isatty(STDOUT_FILENO) != 0 ? printable(path) : path) + "\n");
}

void print_raw(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
        throw Error(ErrorKind::output, "standard output", "cannot be written");
}

void print_error(const std::string& text) {
    const std::string line = printable(program_invocation_short_name + (": " + text));
    std::fprintf(stderr, "%s\n", line.c_str());
}

void warn(const std::string& text) { print_error("warning: " + text); }

}  // namespace handgrad::apps
