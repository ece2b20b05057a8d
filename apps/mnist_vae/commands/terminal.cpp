#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "../../common/printable.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

template <class... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
    char text[256];
    std::snprintf(text, sizeof text, pattern, arguments...);
    return text;
}

bool is_set(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

// The fixed part of a line: which epoch, of how many, aligned.
std::string format_position(Index epoch, Index epochs) {
    const int width = static_cast<int>(std::to_string(epochs).size());
    return format("epoch %*td/%td", width, epoch, epochs);
}

}  // namespace

TerminalStyle detect_terminal_style() {
    TerminalStyle style;
    const char* terminal = std::getenv("TERM");
    const bool dumb = terminal == nullptr || std::strcmp(terminal, "dumb") == 0;
    // mpirun gives its processes a terminal of their own, whatever its output goes to.
    style.redraws = isatty(STDOUT_FILENO) && !dumb && !is_set("NO_COLOR") && !is_set("CI") &&
                    !is_set("OMPI_COMM_WORLD_RANK");
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        style.columns = size.ws_col;
    return style;
}

std::string format_seconds(double seconds) {
    if (!std::isfinite(seconds)) return "-";
    if (seconds < 9.95) return format("%.1f s", seconds);
    const long whole = std::lround(seconds);
    if (whole < 60) return format("%ld s", whole);
    if (whole < 3600) return format("%ld:%02ld", whole / 60, whole % 60);
    return format("%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string format_count(double count) {
    if (!std::isfinite(count)) return "-";
    if (count < 1000) return format("%.0f", count);
    if (count < 1e6) return format("%.1fk", count / 1e3);
    return format("%.1fM", count / 1e6);
}

std::string format_header(const RunDescription& run) {
    std::string text;
    const auto add = [&](const char* name, const std::string& value) {
        text += (text.empty() ? "" : "\n") + (name + printable(value));
    };
    add("data       ", run.data);
    add("model      ", run.model);
    add("loss       ", run.loss);
    add("optimiser  ", run.optimizer);
    // Several lines, of our own words.
    if (!run.convention.empty()) text += "\nconvention " + printable_lines(run.convention);
    add("machine    ", run.machine);
    add("run        ", run.folder);
    return text;
}

// The line with as many of the parts, in order, as fit.
static std::string append_parts(std::string line, std::initializer_list<std::string> parts,
                                int columns) {
    for (const std::string& part : parts)
        if (static_cast<int>(line.size() + part.size()) < columns) line += part;
    return line;
}

std::string format_progress(const BatchProgress& p, int columns) {
    const double left = p.seconds * double(p.batches - p.batch) / double(p.batch);
    const int width = static_cast<int>(std::to_string(p.batches).size());
    const std::string position = format_position(p.epoch, p.epochs);
    const std::string speed = format_count(p.images_per_second);
    const std::string eta = "  eta " + format_seconds(left);
    const std::string full =
        position +
        format("  batch %*td/%td  loss %7.2f  recon %7.2f  kl %5.2f  %s images/s", width, p.batch,
               p.batches, p.loss, p.recon, p.kl, speed.c_str()) +
        eta;
    if (static_cast<int>(full.size()) < columns) return full;

    // Everything that matters fits in the 80 columns of a usual terminal.
    std::string line =
        append_parts(position + format("  %*td/%td  loss %5.1f  recon %5.1f  kl %4.1f", width,
                                       p.batch, p.batches, p.loss, p.recon, p.kl),
                     {"  " + speed + " img/s", eta}, columns);
    // A line as wide as the terminal would wrap, and could not be redrawn.
    if (static_cast<int>(line.size()) >= columns)
        line.resize(static_cast<std::size_t>(std::max(columns - 1, 0)));
    return line;
}

std::string format_epoch(const EpochMetrics& m, Index epochs, int columns) {
    const std::string line =
        format_position(m.epoch, epochs) + format(
                                               "  loss %7.2f = recon %7.2f + kl %5.2f"
                                               "  val_loss %7.2f",
                                               m.loss, m.recon, m.kl, m.val_loss);
    return append_parts(
        line,
        {format(" = %7.2f + %5.2f", m.val_recon, m.val_kl), "  " + format_seconds(m.seconds),
         "  " + format_count(m.images_per_second) + " images/s",
         format("  %td/%zu active", m.active_units, m.latents.size())},
        columns);
}

TrainDisplay::~TrainDisplay() {
    if (!line_is_open_) return;
    try {
        write_("\n");
    } catch (...) {
        // Whatever ends the display early has its own message.
    }
}

void TrainDisplay::show_header(const RunDescription& run) {
    if (!quiet_) write_(format_header(run) + "\n");
}

void TrainDisplay::show_progress(const BatchProgress& progress, Clock::time_point now) {
    if (quiet_ || !style_.redraws) return;
    if (last_redraw_ && now - *last_redraw_ < std::chrono::milliseconds(100)) return;
    last_redraw_ = now;
    write_("\r" + format_progress(progress, style_.columns) + "\x1b[K");
    line_is_open_ = true;
}

void TrainDisplay::erase_progress() {
    if (line_is_open_) write_("\r\x1b[K");
    line_is_open_ = false;
}

void TrainDisplay::show_epoch(const EpochMetrics& metrics, Index epochs) {
    if (quiet_) return;
    erase_progress();
    const int columns = style_.redraws ? style_.columns : std::numeric_limits<int>::max();
    write_(format_epoch(metrics, epochs, columns) + "\n");
}

void TrainDisplay::show_line(const std::string& text) {
    erase_progress();
    write_(printable_lines(text) + "\n");
}

}  // namespace handgrad::apps::mnist_vae
