// Ctrl-C and SIGTERM: the first asks training to stop after the batch under way, the second ends
// the process at once.
#pragma once

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
};

// Ends this process the way the signal would have: a shell sees that it was killed.
[[noreturn]] void die_of_signal(int signal);

}  // namespace handgrad::apps::mnist_vae
