// mnist_vae: parses the command line, runs the command, and turns errors into one line on standard
// error and an exit code (README.md, "Exit codes").
#include <csignal>
#include <exception>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "../../core/communicator.hpp"
#include "../../core/error.hpp"
#include "../../core/isa.hpp"
#include "../common/console.hpp"
#include "../common/exit_code.hpp"
#include "../common/output.hpp"
#include "commands/commands.hpp"
#include "commands/followers.hpp"
#include "commands/listening.hpp"
#include "commands/verbose_lines.hpp"

namespace {

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::apps::mnist_vae;

template <class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
// clang 14 does not deduce the arguments of an aggregate by itself.
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

// What this process does if it is the first, or alone.
void run(const Command& command, Communicator& ranks) {
    Followers followers(ranks);
    VerboseLines lines;
    std::optional<Listening> verbose;
    if (verbose_lines_wanted()) verbose.emplace(lines);
    if (ranks.size() > 1 && !std::holds_alternative<TrainCommand>(command) &&
        !std::holds_alternative<TextCommand>(command))
        throw Error(ErrorKind::argument, "mpirun", "this command runs as one process",
                    std::to_string(ranks.size()) + " processes", "mnist_vae train");
    // A bad HANDGRAD_ISA is found before anything is done.
    if (!std::holds_alternative<TextCommand>(command)) active_isa();
    std::visit(Overloaded{[&](const TrainCommand& c) { run_train(c, followers); },
                          [](const EvaluateCommand& c) { run_evaluate(c); },
                          [](const ReconstructCommand& c) { run_reconstruct(c); },
                          [](const SampleCommand& c) { run_sample(c); },
                          [](const ManifoldCommand& c) { run_manifold(c); },
                          [](const EncodeCommand& c) { run_encode(c); },
                          [](const ExportCommand& c) { run_export(c); },
                          [](const ReportCommand& c) { run_report(c); },
                          [](const CheckGradientsCommand& c) { run_check_gradients(c); },
                          [](const VerifyCommand& c) { run_verify(c); },
                          [](const LessonCommand& c) { run_lesson(c); },
                          [](const InfoCommand&) { run_info(); },
                          [](const TextCommand& c) { print(c.text); }},
               command);
}

// Calls start() and returns the exit code; what goes wrong is told by `tell`.
template <class Start, class Tell>
int exit_code_of(Start&& start, Tell&& tell) try {
    start();
    return 0;
} catch (const Error& error) {
    tell(error.what());
    return exit_code(error.kind());
} catch (const std::filesystem::filesystem_error& error) {
    tell(error.path1().string() + ": cannot be examined: " + error.code().message());
    return exit_code(ErrorKind::input);
} catch (const std::bad_alloc&) {
    tell("out of memory");
    return 1;
} catch (const std::exception& error) {
    tell(std::string("internal error: ") + error.what());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    reserve_standard_descriptors();
    // A file that grows too large is an error to report, like a full disk.
    std::signal(SIGXFSZ, SIG_IGN);
    std::unique_ptr<Communicator> ranks;
    const auto start = [&] {
        ranks = connect_ranks();
        if (ranks->rank() > 0)
            follow(*ranks);
        else
            run(parse_command_line({argv + 1, argv + argc}), *ranks);
    };
    const auto tell = [&](const std::string& error) {
        const int rank = ranks ? ranks->rank() : launched_rank();
        // Each for itself: where the launcher's numbers are left over, there is no other.
        print_error((rank == 0 ? "" : "rank " + std::to_string(rank) + ": ") + error);
    };
    const int status = exit_code_of(start, tell);
    if (status != 0 && ranks) ranks->abandon();
    return status;
}
