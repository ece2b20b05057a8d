// What a person sees while the model trains: a header, a line per epoch, a summary.
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "../../common/console.hpp"
#include "../training/metrics.hpp"

namespace handgrad::apps::mnist_vae {

// How the display may write. A line that is redrawn needs a terminal, and a user who did not ask
// for plain output: NO_COLOR (set and not empty), TERM=dumb and CI (set and not empty) do.
struct TerminalStyle {
    bool redraws = false;
    int columns = 80;
};
TerminalStyle detect_terminal_style();

// What the header says.
struct RunDescription {
    std::string data;   // "MNIST (verified), 60000 + 10000 images"
    std::string model;  // "784-512-2-512-784, relu, 807700 parameters"
    std::string loss;   // "bce + 1 kl, nats per image"
    std::string optimizer;
    std::string machine;  // "avx512, 2 threads"
    std::string folder;
    std::string convention{};  // describe_convention(); empty: no line
};

// The texts, without any escape or line feed at the end; what a description says is made printable.
std::string format_header(const RunDescription& run);
// Both shorter than the terminal is wide: a line that is too long loses digits first, then parts.
std::string format_progress(const BatchProgress& progress, int columns);
std::string format_epoch(const EpochMetrics& metrics, Index epochs,
                         int columns = std::numeric_limits<int>::max());
std::string format_seconds(double seconds);  // "0.9 s", "12 s", "3:05", "1:02:03"
std::string format_count(double count);      // "63.1k"

// Writes to standard output, or to wherever `write` does, and throws what it throws.
class TrainDisplay {
  public:
    using Clock = std::chrono::steady_clock;
    using Writer = std::function<void(const std::string& text)>;

    TrainDisplay(const TerminalStyle& style, bool quiet, Writer write = print_raw)
        : style_(style), quiet_(quiet), write_(std::move(write)) {}
    // Ends an open progress line, so that an error message has a line of its own.
    ~TrainDisplay();
    TrainDisplay(const TrainDisplay&) = delete;
    TrainDisplay& operator=(const TrainDisplay&) = delete;

    void show_header(const RunDescription& run);
    // Redraws at most ten times a second.
    void show_progress(const BatchProgress& progress, Clock::time_point now = Clock::now());
    void show_epoch(const EpochMetrics& metrics, Index epochs);
    // One line or several, after whatever is on the screen.
    void show_line(const std::string& text);

  private:
    void erase_progress();

    TerminalStyle style_;
    bool quiet_;
    Writer write_;
    bool line_is_open_ = false;  // a progress line without its line feed
    std::optional<Clock::time_point> last_redraw_;
};

}  // namespace handgrad::apps::mnist_vae
