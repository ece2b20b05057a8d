#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>

#include "../../../../apps/mnist_vae/commands/terminal.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;

TEST_CASE("terminal: durations and counts as a person writes them") {
    CHECK(format_seconds(0.04) == "0.0 s");
    CHECK(format_seconds(9.94) == "9.9 s");
    CHECK(format_seconds(9.96) == "10 s");
    CHECK(format_seconds(59.7) == "1:00");
    CHECK(format_seconds(185) == "3:05");
    CHECK(format_seconds(3723) == "1:02:03");
    CHECK(format_seconds(std::numeric_limits<double>::infinity()) == "-");
    CHECK(format_count(999) == "999");
    CHECK(format_count(63149) == "63.1k");
    CHECK(format_count(2.5e6) == "2.5M");
    CHECK(format_count(std::numeric_limits<double>::quiet_NaN()) == "-");
}

TEST_CASE("terminal: a progress line has everything, and never fills the terminal") {
    const BatchProgress p{.epoch = 3,
                          .epochs = 50,
                          .batch = 120,
                          .batches = 469,
                          .loss = 165.4321,
                          .recon = 160.1,
                          .kl = 5.3321,
                          .images_per_second = 63149,
                          .seconds = 1};
    CHECK(format_progress(p, 200) ==
          "epoch  3/50  batch 120/469  loss  165.43  recon  160.10  kl  5.33  63.1k images/s  eta "
          "2.9 s");
    for (int columns : {0, 1, 20, 60, 80, 81, 120})
        CHECK(static_cast<int>(format_progress(p, columns).size()) <= std::max(columns - 1, 0));
}

TEST_CASE("terminal: 80 columns have room for every number of a long epoch") {
    const BatchProgress p{.epoch = 3,
                          .epochs = 50,
                          .batch = 120,
                          .batches = 469,
                          .loss = 165.4321,
                          .recon = 160.1,
                          .kl = 5.3321,
                          .images_per_second = 63149,
                          .seconds = 100};
    CHECK(format_progress(p, 80) ==
          "epoch  3/50  120/469  loss 165.4  recon 160.1  kl  5.3  63.1k img/s  eta 4:51");
}

TEST_CASE("terminal: an epoch's line is plain text of aligned numbers") {
    EpochMetrics m{.epoch = 7,
                   .step = 3283,
                   .loss = 157.5,
                   .recon = 151.7,
                   .kl = 5.8,
                   .val_loss = 158,
                   .val_recon = 152.3,
                   .val_kl = 5.7,
                   .lr = 1e-3,
                   .seconds = 0.95,
                   .images_per_second = 63149,
                   .latents = std::vector<LatentStatistics>(20),
                   .active_units = 18};
    const std::string line = format_epoch(m, 50);
    CHECK(line ==
          "epoch  7/50  loss  157.50 = recon  151.70 + kl  5.80  val_loss  158.00 =  152.30 +  5.70"
          "  0.9 s  63.1k images/s  18/20 active");
    CHECK(line.find('\x1b') == std::string::npos);
    CHECK(line.find('\r') == std::string::npos);
    m.epoch = 50;
    CHECK(format_epoch(m, 50).size() == line.size());
    CHECK(format_epoch(m, 50, 80) ==
          "epoch 50/50  loss  157.50 = recon  151.70 + kl  5.80  val_loss  158.00  0.9 s");
}

TEST_CASE("terminal: the header says data, model, loss, optimiser, machine and folder") {
    const std::string header = format_header({"DATA", "MODEL", "LOSS", "OPT", "MACHINE", "RUN"});
    for (const char* part : {"DATA", "MODEL", "LOSS", "OPT", "MACHINE", "RUN"})
        CHECK(header.find(part) != std::string::npos);
}

namespace {

// What a display of this style writes.
struct Screen {
    std::string text;
    TrainDisplay::Writer writer() {
        return [this](const std::string& part) { text += part; };
    }
    std::ptrdiff_t count(char c) const { return std::count(text.begin(), text.end(), c); }
};

constexpr TerminalStyle kRedraws{.redraws = true, .columns = 80};

BatchProgress batch(Index number) {
    return {.epoch = 1, .epochs = 2, .batch = number, .batches = 100, .seconds = 1};
}

}  // namespace

TEST_CASE("terminal: the progress line is redrawn at most ten times a second") {
    Screen screen;
    TrainDisplay display(kRedraws, false, screen.writer());
    const TrainDisplay::Clock::time_point start{};
    for (int i = 0; i < 100; ++i)  // one batch every 10 ms, for a second
        display.show_progress(batch(i + 1), start + std::chrono::milliseconds(10 * i));
    CHECK(screen.count('\r') == 10);
    CHECK(screen.count('\n') == 0);
    display.show_epoch({.epoch = 1}, 2);
    CHECK(screen.text.ends_with("\r\x1b[K" + format_epoch({.epoch = 1}, 2, 80) + "\n"));
}

TEST_CASE("terminal: without one, a plain line per epoch and nothing between") {
    Screen screen;
    {
        TrainDisplay display({}, false, screen.writer());
        display.show_progress(batch(1));
        CHECK(screen.text.empty());
        display.show_epoch({.epoch = 1}, 2);
    }
    CHECK(screen.text == format_epoch({.epoch = 1}, 2) + "\n");
}

TEST_CASE("terminal: a quiet display shows lines that are asked for, and no others") {
    Screen screen;
    TrainDisplay display(kRedraws, true, screen.writer());
    display.show_header({"DATA", "MODEL", "LOSS", "OPT", "MACHINE", "RUN"});
    display.show_progress(batch(1));
    display.show_epoch({.epoch = 1}, 2);
    CHECK(screen.text.empty());
    display.show_line("summary");
    CHECK(screen.text == "summary\n");
}

TEST_CASE("terminal: a display that ends early ends its line") {
    Screen screen;
    { TrainDisplay(kRedraws, false, screen.writer()).show_progress(batch(1)); }
    CHECK(screen.text.ends_with("\x1b[K\n"));
}

TEST_CASE("terminal: names that order a terminal about are shown, not obeyed") {
    Screen screen;
    TrainDisplay display(kRedraws, false, screen.writer());
    display.show_header({"D", "M", "L", "O", "C", "runs/a\nb\x1b[2J\u202e\u009b"});
    CHECK(screen.text.ends_with("\nrun        runs/a\\nb\\x1b[2J\\u202e\\u009b\n"));
    screen.text.clear();
    display.show_line("one\ntwo \x1b[31m漢\x9b");
    CHECK(screen.text == "one\ntwo \\x1b[31m漢\\x9b\n");
}
