// `mnist_vae train`: from options to a run folder.
#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>

#include "../../../core/error.hpp"
#include "../../../core/io/atomic_file.hpp"
#include "../../../core/io/file_lock.hpp"
#include "../../../core/isa.hpp"
#include "../../../core/parallel.hpp"
#include "../../../core/peak.hpp"
#include "../../../core/profile.hpp"
#include "../../common/console.hpp"
#include "../run/profile_table.hpp"
#include "../run/recipe.hpp"
#include "../run/trace.hpp"
#include "commands.hpp"
#include "listening.hpp"
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

RunFolder choose_folder(const TrainCommand& command) {
    const RunFolder run{command.out.empty() ? new_run_path("runs") : fs::path(command.out)};
    if (run.holds_run() && !command.resume && !command.overwrite)
        throw Error(ErrorKind::argument, run.path.string(), "already holds a run", "",
                    "--resume, --overwrite or another --out");
    return run;
}

void create_folder(const RunFolder& run) {
    std::error_code error;
    fs::create_directories(run.path, error);
    if (error || !fs::is_directory(run.path, error))
        throw Error(ErrorKind::output, run.path.string(),
                    "cannot be made a folder: " +
                        (error ? error.message() : std::string("a file has that name")));
}

// The files of a run that is replaced; others in the folder are not ours.
void remove_run(const RunFolder& run) {
    for (const std::string& file :
         {run.checkpoint(), previous_path(run.checkpoint()), run.options(), run.config(),
          run.model(), run.best(), run.log(), run.latents(), run.reconstructions(), run.samples(),
          run.manifold(), run.sample_history(), run.profile(), run.report(), run.comparison()}) {
        std::error_code error;
        fs::remove(file, error);
        if (error) throw Error(ErrorKind::output, file, "cannot be removed: " + error.message());
    }
}

void write_trace(const Trace& trace, const std::string& path) {
    replace_file(path, trace.to_json());
    if (trace.dropped() > 0)
        warn(path + ": the trace is full: the last " + std::to_string(trace.dropped()) +
             " events are not in it");
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
    const RunFolder folder = choose_folder(command);
    const TrainOptions options =
        command.resume ? options_to_resume(folder, command) : command.options;
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
    if (!command.trace.empty()) write_trace(Trace(), command.trace);
    std::optional<TensorboardLog> tensorboard;
    if (!command.tensorboard.empty())
        tensorboard.emplace(command.tensorboard, mistake_name(options.mistake));

    create_folder(folder);
    const FileLock lock(folder.path);
    remove_stale_temporaries(folder.path);
    if (command.overwrite) remove_run(folder);

    // mpirun, too, sends signals, and not only when somebody asked for it.
    const SignalGuard signals(/*announce=*/followers.ranks().size() == 1);
    TrainingRun run({.folder = folder,
                     .options = options,
                     .command = command,
                     .dataset = dataset,
                     .comparison = comparison ? &*comparison : nullptr,
                     .tensorboard = tensorboard ? &*tensorboard : nullptr,
                     .followers = followers});
    const bool resuming = command.resume && run.has_checkpoint();
    if (resuming) {
        run.resume();
    } else {
        if (command.resume && !options.quiet)
            print("no checkpoint in " + folder.path.string() + " yet: starting the run\n");
        run.start();
    }
    if (run.is_finished()) {
        // The process may have died between the last checkpoint and the page.
        run.write_report();
        print("the run in " + folder.path.string() +
              " is finished: " + std::to_string(run.epochs_done()) +
              (run.epochs_done() == 1 ? " epoch is done\n" : " epochs are done\n"));
        return;
    }
    replace_file(folder.options(), to_toml(options));
    write_config(folder, architecture_of(options, dataset.train.images),
                 mistake_name(options.mistake));

    run.describe();
    ProfileTable table;
    Trace trace;
    std::optional<Listening> listening_table, listening_trace;
    if (command.profile) listening_table.emplace(table);
    if (!command.trace.empty()) listening_trace.emplace(trace);
    const Outcome outcome = run.train();
    listening_table.reset();
    listening_trace.reset();
    if (!command.trace.empty()) write_trace(trace, command.trace);
    if (outcome == Outcome::interrupted) {
        run.interrupted();
        die_of_signal(SignalGuard::received());
    }
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    std::string profile;
    if (command.profile) {
        profile = table.format(measure_fma_peak(active_isa(), thread_count()), describe_machine());
        replace_file(folder.profile(), profile);
    }
    run.write_report();
    run.summarize(outcome, wall.count());
    if (command.profile) print(profile);
}

}  // namespace handgrad::apps::mnist_vae
