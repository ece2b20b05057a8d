// Ctrl-C, SIGTERM and SIGHUP (the terminal or the connection is gone): the first asks training to
// stop after the batch under way, the second ends the process at once. A signal that the parent
// has this process ignore, as nohup and a shell's background jobs do, stays ignored.
#pragma once

#include <array>
#include <csignal>

namespace handgrad::apps::mnist_vae {

// Installs the handlers for as long as it lives, and lets writes to a closed pipe fail with an
// error instead of a signal. One at a time.
class SignalGuard {
  public:
    // `announce`: tell on standard error that training will stop.
    explicit SignalGuard(bool announce = true);
    ~SignalGuard();
    SignalGuard(const SignalGuard&) = delete;
    SignalGuard& operator=(const SignalGuard&) = delete;

    // From now on there is nothing to stop: a signal is received without a word.
    static void stop_announcing();

    // The signal that asked for an end, or 0.
    static int received();

  private:
    static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};

    std::array<struct sigaction, kSignals.size()> before_{};
    struct sigaction before_pipe_ {};
};

// Ends this process the way the signal would have: a shell sees that it was killed.
[[noreturn]] void die_of_signal(int signal);

}  // namespace handgrad::apps::mnist_vae
