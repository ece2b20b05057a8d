#include "verbose_lines.hpp"

#include <cstdio>
#include <cstdlib>

#include "../../../core/error.hpp"
#include "../../../core/isa.hpp"
#include "../../../core/op_text.hpp"
#include "../../../core/parallel.hpp"

namespace handgrad::apps::mnist_vae {

std::string format_verbose_line(const OpCall& call) {
    char text[64];
    std::snprintf(text, sizeof text, " threads:%d %.3f ms", thread_count(), call.seconds() * 1e3);
    std::string line = "handgrad " + op_text(call) + " " + isa_name(active_isa()) + text;
    if (call.flops > 0) {
        std::snprintf(text, sizeof text, " %.1f GFLOP/s", call.flops / call.seconds() / 1e9);
        line += text;
    }
    return call.layer[0] == '\0' ? line : line + " " + call.layer;
}

void VerboseLines::op_done(const OpCall& call) {
    std::fprintf(stderr, "%s\n", format_verbose_line(call).c_str());
}

bool verbose_lines_wanted() {
    const char* value = std::getenv("HANDGRAD_VERBOSE");
    const std::string text = value != nullptr ? value : "";
    if (text.empty() || text == "0") return false;
    if (text == "1") return true;
    throw Error(ErrorKind::argument, "HANDGRAD_VERBOSE", "bad value", "'" + text + "'", "0 or 1");
}

}  // namespace handgrad::apps::mnist_vae
