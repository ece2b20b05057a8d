// `mnist_vae train`: from options to a run folder.
#include <chrono>
#include <filesystem>
#include <optional>

#include "../../../core/error.hpp"
#include "../../../core/io/atomic_file.hpp"
#include "../../../core/isa.hpp"
#include "../../../core/parallel.hpp"
#include "../../../core/peak.hpp"
#include "../../../core/profile.hpp"
#include "../../common/console.hpp"
#include "../run/profile_table.hpp"
#include "../run/recipe.hpp"
#include "../run/run_claim.hpp"
#include "../run/trace.hpp"
#include "commands.hpp"
#include "listening.hpp"
#include "named_files.hpp"
#include "signals.hpp"
#include "training_run.hpp"

namespace handgrad::apps::mnist_vae {

namespace fs = std::filesystem;

namespace {

// The options of the run in the folder, as far as there are any, with what a resumed run may
// change; the checkpoint's hash says whether the data are the same.
TrainOptions options_to_resume(const RunFolder& run, const TrainCommand& command) {
    if (!fs::exists(run.options())) return command.options;
    TrainOptions options = read_run_options(run.options());
    const std::string name = find_contradiction(options, command);
    if (!name.empty()) {
        throw Error(ErrorKind::argument, "--" + name, "differs from the run that is to be resumed",
                    option_value(command.options, name), option_value(options, name));
    }
    if (command.given.contains("epochs")) options.epochs = command.options.epochs;
    if (command.given.contains("threads")) options.threads = command.options.threads;
    if (command.given.contains("sparsity")) options.sparsity = command.options.sparsity;
    if (command.given.contains("fuse")) options.fuse = command.options.fuse;
    if (command.given.contains("data")) options.data = command.options.data;
    options.quiet = command.options.quiet;
    return options;
}

OldRun old_run_of(const TrainCommand& command) {
    if (command.resume) return OldRun::go_on;
    return command.overwrite ? OldRun::overwrite : OldRun::refuse;
}

RunClaim claim_folder(const TrainCommand& command) {
    if (command.out.empty()) return RunClaim::of_new_folder("runs");
    return RunClaim(command.out, old_run_of(command));
}

void write_trace(const Trace& trace, const std::string& path) {
    replace_file(path, trace.to_json());
    if (trace.dropped() > 0)
        warn(path + ": the trace is full: the last " + std::to_string(trace.dropped()) +
             " events are not in it");
}

// A signal that came when all was saved has nothing to stop, and still ends the process its way.
void die_if_asked() {
    if (SignalGuard::received() != 0) die_of_signal(SignalGuard::received());
}

// What has to be right before the followers start.
void check_shards(const TrainOptions& options, const TrainCommand& command,
                  const Communicator& ranks) {
    if (options.shards < ranks.size())
        throw Error(ErrorKind::argument, "--shards", "fewer than the processes that mpirun started",
                    std::to_string(options.shards), "at least " + std::to_string(ranks.size()));
    if (options.shards > 1 && !command.gradients.empty())
        throw Error(ErrorKind::argument, "--gradients", "is of a whole batch",
                    std::to_string(options.shards) + " shards", "no --shards beside it");
}

}  // namespace

void run_train(const TrainCommand& command, Followers& followers) {
    if (command.compare_to == "list") return print(list_curves());
    const auto start = std::chrono::steady_clock::now();
    std::optional<RunClaim> claim;
    if (command.resume) claim.emplace(claim_folder(command));
    // A hopeless start is refused at once. It is asked again under the lock: loading takes time.
    if (!command.resume && !command.out.empty())
        check_room(RunFolder{command.out}, old_run_of(command));
    const TrainOptions options =
        command.resume ? options_to_resume(claim->folder(), command) : command.options;
    if (options.threads > 0) set_thread_count(options.threads);
    check_shards(options, command, followers.ranks());

    // Everything that can be wrong with the input is found before anything is written.
    const Dataset dataset = load_training_data(options);
    if (options.batch_size > dataset.train.images.count)
        throw Error(ErrorKind::argument, "--batch-size", "larger than the data",
                    std::to_string(options.batch_size),
                    "at most " + std::to_string(dataset.train.images.count));
    std::optional<Comparison> comparison;
    if (!command.compare_to.empty())
        comparison.emplace(load_curve(command.compare_to), options, dataset);

    if ((command.profile || !command.trace.empty()) && !profiling_is_built())
        throw Error(ErrorKind::argument, command.profile ? "--profile" : "--trace",
                    "this build cannot profile", "", "one with -Dprofile=enabled");
    const SideFiles side_files = find_side_files(command);

    if (!claim) claim.emplace(claim_folder(command));
    const RunFolder& folder = claim->folder();
    std::optional<TensorboardLog> tensorboard;
    if (!command.tensorboard.empty())
        tensorboard.emplace(command.tensorboard, mistake_name(options.mistake));

    // mpirun, too, sends signals, and not only when somebody asked for it.
    const SignalGuard signals(/*announce=*/followers.ranks().size() == 1);
    TrainingRun run({.claim = *claim,
                     .options = options,
                     .command = command,
                     .dataset = dataset,
                     .comparison = comparison ? &*comparison : nullptr,
                     .tensorboard = tensorboard ? &*tensorboard : nullptr,
                     .gradients = side_files.gradients,
                     .followers = followers});
    if (command.resume && checkpoint_exists(folder.checkpoint())) {
        run.resume();
    } else {
        if (command.resume)
            run.note("no checkpoint in " + folder.path.string() + " yet: starting the run");
        run.start();
    }
    if (run.is_finished()) {
        SignalGuard::stop_announcing();
        run.draw_again();
        print("the run in " + folder.path.string() +
              " is finished: " + std::to_string(run.epochs_done()) +
              (run.epochs_done() == 1 ? " epoch is done\n" : " epochs are done\n"));
        die_if_asked();
        return run.check_output();
    }

    run.describe();
    ProfileTable table;
    Trace trace;
    std::optional<Listening> listening_table, listening_trace;
    if (command.profile) listening_table.emplace(table);
    if (!command.trace.empty()) listening_trace.emplace(trace);
    const Outcome outcome = run.train();
    listening_table.reset();
    listening_trace.reset();
    if (outcome == Outcome::interrupted) {
        run.interrupted();
        if (!side_files.trace.empty()) write_trace(trace, side_files.trace);
        return die_if_asked();
    }
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    std::string profile;
    if (command.profile) {
        profile = table.format(measure_fma_peak(active_isa(), thread_count()), describe_machine());
        run.write_profile(profile);
    }
    run.write_report();
    run.summarize(outcome, wall.count());
    if (!side_files.trace.empty()) write_trace(trace, side_files.trace);
    die_if_asked();
    run.check_output();
    if (command.profile) print(profile);
}

}  // namespace handgrad::apps::mnist_vae
