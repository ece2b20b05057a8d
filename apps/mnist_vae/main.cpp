// mnist_vae: parses the command line, runs the command, and turns errors into one line on standard
// error and an exit code (README.md, "Exit codes").
#include <csignal>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <string>

#include "../../core/error.hpp"
#include "../../core/isa.hpp"
#include "commands.hpp"
#include "exit_code.hpp"
#include "listening.hpp"
#include "terminal.hpp"
#include "verbose_lines.hpp"

namespace {

using namespace handgrad;
using namespace handgrad::mnist_vae;

template <class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
// clang 14 does not deduce the arguments of an aggregate by itself.
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

void run(const Command& command) {
    VerboseLines lines;
    std::optional<Listening> verbose;
    if (verbose_lines_wanted()) verbose.emplace(lines);
    // A bad HANDGRAD_ISA is found before anything is done.
    if (!std::holds_alternative<TextCommand>(command)) active_isa();
    std::visit(Overloaded{[](const TrainCommand& c) { run_train(c); },
                          [](const EvaluateCommand& c) { run_evaluate(c); },
                          [](const ReconstructCommand& c) { run_reconstruct(c); },
                          [](const SampleCommand& c) { run_sample(c); },
                          [](const ManifoldCommand& c) { run_manifold(c); },
                          [](const EncodeCommand& c) { run_encode(c); },
                          [](const ExportCommand& c) { run_export(c); },
                          [](const CheckGradientsCommand& c) { run_check_gradients(c); },
                          [](const VerifyCommand& c) { run_verify(c); },
                          [](const InfoCommand&) { run_info(); },
                          [](const TextCommand& c) { print(c.text); }},
               command);
}

}  // namespace

int main(int argc, char** argv) try {
    // A file that grows too large is an error to report, like a full disk.
    std::signal(SIGXFSZ, SIG_IGN);
    run(parse_command_line({argv + 1, argv + argc}));
    return 0;
} catch (const handgrad::Error& error) {
    print_error(error.what());
    return exit_code(error.kind());
} catch (const std::filesystem::filesystem_error& error) {
    print_error(error.path1().string() + ": cannot be examined: " + error.code().message());
    return exit_code(ErrorKind::input);
} catch (const std::bad_alloc&) {
    print_error("out of memory");
    return 1;
} catch (const std::exception& error) {
    print_error(std::string("internal error: ") + error.what());
    return 1;
}
