#include "signals.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string_view>

namespace handgrad::apps::mnist_vae {

static volatile std::sig_atomic_t g_received = 0;
static volatile std::sig_atomic_t g_announce = 1;

// Nothing here but what POSIX allows in a handler.
static void on_signal(int signal) {
    if (g_received != 0) {
        std::signal(signal, SIG_DFL);
        raise(signal);
        return;
    }
    g_received = signal;
    if (g_announce == 0) return;
    static constexpr std::string_view message =
        "\nmnist_vae: stopping after this batch; again to stop at once\n";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, message.data(), message.size());
}

SignalGuard::SignalGuard(bool announce) {
    g_received = 0;
    g_announce = announce ? 1 : 0;
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        sigaction(kSignals[i], nullptr, &before_[i]);
        if (before_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
    }
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, &before_pipe_);
}

SignalGuard::~SignalGuard() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
    sigaction(SIGPIPE, &before_pipe_, nullptr);
}

void SignalGuard::stop_announcing() { g_announce = 0; }

int SignalGuard::received() { return g_received; }

void die_of_signal(int signal) {
    std::signal(signal, SIG_DFL);
    raise(signal);
    std::abort();  // not reached: the default action of these signals ends the process
}

}  // namespace handgrad::apps::mnist_vae
