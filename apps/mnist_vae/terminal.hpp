// What a person sees while the model trains: a header, a line per epoch, a summary.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "metrics.hpp"

namespace handgrad::mnist_vae {

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
};

// The texts, without any escape or line feed at the end.
std::string format_header(const RunDescription& run);
std::string format_progress(const BatchProgress& progress, int columns);
std::string format_epoch(const EpochMetrics& metrics, Index epochs);
std::string format_seconds(double seconds);  // "0.9 s", "12 s", "3:05", "1:02:03"
std::string format_count(double count);      // "63.1k"

// Prints to standard output. Throws Error(output) when that fails.
class TrainDisplay {
  public:
    using Clock = std::chrono::steady_clock;

    TrainDisplay(const TerminalStyle& style, bool quiet) : style_(style), quiet_(quiet) {}

    void show_header(const RunDescription& run);
    // Redraws at most ten times a second, and for the last batch of an epoch.
    void show_progress(const BatchProgress& progress, Clock::time_point now = Clock::now());
    void show_epoch(const EpochMetrics& metrics, Index epochs);
    // One line, after whatever is on the screen.
    void show_line(const std::string& text);

  private:
    void erase_progress();

    TerminalStyle style_;
    bool quiet_;
    bool line_is_open_ = false;  // a progress line without its line feed
    Clock::time_point last_redraw_{};
};

// Prints a text and flushes. Throws Error(output) when that fails.
void print(const std::string& text);

}  // namespace handgrad::mnist_vae
