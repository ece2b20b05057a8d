// `mnist_vae train`: from options to a run folder.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "../../core/error.hpp"
#include "../../core/io/atomic_file.hpp"
#include "../../core/io/file_lock.hpp"
#include "../../core/parallel.hpp"
#include "../../core/peak.hpp"
#include "../../core/profile.hpp"
#include "checkpoint.hpp"
#include "commands.hpp"
#include "comparison.hpp"
#include "conventions.hpp"
#include "dataset.hpp"
#include "gallery.hpp"
#include "gradient_anatomy.hpp"
#include "listening.hpp"
#include "log_csv.hpp"
#include "option_values.hpp"
#include "pictures.hpp"
#include "profile_table.hpp"
#include "recipe.hpp"
#include "report/report.hpp"
#include "run_folder.hpp"
#include "sample_history.hpp"
#include "signals.hpp"
#include "tensorboard_log.hpp"
#include "terminal.hpp"
#include "trace.hpp"
#include "trainer.hpp"

namespace handgrad::mnist_vae {

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

TrainingPlan plan_of(const TrainOptions& options, const TrainCommand& command) {
    TrainingPlan plan = mnist_vae::plan_of(options);
    plan.check_numerics = command.check_numerics;
    return plan;
}

// One training run: everything that lives as long as it does.
class TrainingRun {
  public:
    TrainingRun(const RunFolder& folder, const TrainOptions& options, const TrainCommand& command,
                const Dataset& dataset, const Comparison* comparison, TensorboardLog* tensorboard,
                Followers& followers)
        : folder_(folder),
          options_(options),
          command_(command),
          dataset_(dataset),
          comparison_(comparison),
          tensorboard_(tensorboard),
          followers_(followers),
          display_(detect_terminal_style(), options.quiet),
          mistake_(mistake_name(options.mistake)),
          model_(architecture_of(options, dataset.train.images)),
          hooks_(make_hooks(options.mistake)),
          optimizer_(make_optimizer(options, model_.arena())),
          trainer_(model_, *optimizer_, plan_of(options, command), dataset.train.images,
                   validation_split(dataset).images, followers.ranks()) {
        model_.set_hooks(*hooks_);
    }

    bool has_checkpoint() const { return checkpoint_exists(folder_.checkpoint()); }

    void start() {
        initialize(model_, options_, dataset_.train.images);
        open_logs(0);
    }

    void resume() {
        const ResumePoint point =
            load_newest_checkpoint(folder_.checkpoint(), model_, *optimizer_, dataset_.hash);
        if (!point.damage.empty()) warn(point.damage + "; going on from the checkpoint before it");
        trainer_.position = point.position;
        open_logs(trainer_.position.epoch - 1);
    }

    Index epochs_done() const { return trainer_.position.epoch - 1; }
    bool is_finished() const { return epochs_done() >= options_.epochs; }

    void describe() {
        display_.show_header(
            {.data = dataset_.name + ", " + std::to_string(dataset_.train.images.count) +
                     " training and " + std::to_string(validation_split(dataset_).images.count) +
                     " validation images" + describe_binarization(options_.binarize),
             .model = model_.architecture().widths() + ", " + activation_name(options_.activation) +
                      ", " + std::to_string(model_.arena().parameter_count()) + " parameters",
             .loss = describe_loss(options_) + ", in nats per image",
             .optimizer = describe_optimizer(options_),
             .machine = describe_machine() + describe_shards(),
             .folder = folder_.path.string(),
             .convention = describe_convention(command_.given, options_)});
        if (comparison_ != nullptr && !options_.quiet) display_.show_line(comparison_->describe());
        if (!mistake_.empty()) warn(flag_text(options_.mistake));
        if (!mistake_.empty() && !options_.quiet) display_.show_line(flag_text(options_.mistake));
        if (dataset_.sample && !options_.quiet)
            display_.show_line(
                "note       this is the small sample that ships with the program; "
                "apps/fetch_mnist.sh gets all of MNIST");
    }

    Outcome train() {
        TrainerEvents events;
        events.interrupted = [] { return SignalGuard::received() != 0; };
        events.batch_done = [this](const BatchProgress& progress) {
            display_.show_progress(progress);
            if (options_.checkpoint_every > 0 && progress.batch < progress.batches &&
                optimizer_->steps() % options_.checkpoint_every == 0)
                save();
        };
        events.epoch_done = [this](const EpochMetrics& metrics, bool best) {
            finish_epoch(metrics, best);
        };
        if (!command_.gradients.empty()) {
            gradients_.emplace(command_.gradients, Index(optimizer_->steps()), mistake_);
            events.backward_done = [this](Index step) {
                if (step % command_.gradients_every == 0)
                    gradients_->append(step, trainer_.position.epoch,
                                       measure_anatomy(model_.head_gradients()));
            };
        }
        followers_.start(options_, plan_of(options_, command_), dataset_.train.images,
                         validation_split(dataset_).images, model_, *optimizer_, trainer_.position);
        const Outcome outcome = trainer_.run(events);
        if (outcome == Outcome::interrupted) save();
        return outcome;
    }

    void interrupted() {
        display_.show_line("interrupted in epoch " + std::to_string(trainer_.position.epoch) +
                           "; go on with: mnist_vae train --resume --out " + folder_.path.string());
    }

    void summarize(Outcome outcome, double wall_seconds) {
        if (outcome == Outcome::stopped_early)
            display_.show_line("stopped early: no lower val_loss for " +
                               std::to_string(options_.patience) + " epochs");
        const std::vector<EpochMetrics> rows = read_log(folder_.log());
        if (rows.empty()) return;
        double seconds = 0;
        for (const EpochMetrics& row : rows) seconds += row.seconds;
        const EpochMetrics& last = rows.back();
        const double images = double(dataset_.train.images.count) * double(rows.size());
        char losses[256];
        std::snprintf(losses, sizeof losses,
                      "\ntrained %td epoch%s: val_loss %.2f (recon %.2f + kl %.2f), lowest %.2f in "
                      "epoch %td\n%s of training at %s images/s, %s in all\n",
                      last.epoch, last.epoch == 1 ? "" : "s", last.val_loss, last.val_recon,
                      last.val_kl, trainer_.position.best_val_loss, trainer_.position.best_epoch,
                      format_seconds(seconds).c_str(), format_count(images / seconds).c_str(),
                      format_seconds(wall_seconds).c_str());
        std::string text = losses;
        if (!mistake_.empty()) display_.show_line("\n" + flag_text(options_.mistake));
        if (comparison_ != nullptr) text += comparison_->summarize(rows) + "\n";
        display_.show_line(text + describe_communication() +
                           ("pictures, losses and weights are in " + folder_.path.string()) +
                           "\nall of it to look at: " + folder_.report());
    }

    void write_report() const {
        const ReportInput input{folder_, &dataset_};
        replace_file(folder_.report(), make_report({&input, 1}));
    }

  private:
    void open_logs(Index last_epoch) {
        log_ = std::make_unique<LogCsv>(folder_.log(), folder_.latents(), last_epoch, mistake_);
        history_.emplace(folder_.sample_history(), last_epoch, mistake_);
    }

    // ", 4 shards on 2 ranks"; empty for one.
    std::string describe_shards() const {
        if (options_.shards == 1) return {};
        const int ranks = followers_.ranks().size();
        return ", " + std::to_string(options_.shards) + " shards on " + std::to_string(ranks) +
               (ranks == 1 ? " rank" : " ranks");
    }

    // A line, or nothing if there is none to communicate with.
    std::string describe_communication() const {
        const int ranks = followers_.ranks().size();
        const TimeSpent spent = trainer_.time_spent();
        if (ranks == 1 || spent.training == 0) return {};
        char text[128];
        std::snprintf(text, sizeof text,
                      "%s of %s in steps went into communication between %d ranks (%.0f %%)\n",
                      format_seconds(spent.communication).c_str(),
                      format_seconds(spent.training).c_str(), ranks,
                      100 * spent.communication / spent.training);
        return text;
    }

    void save() {
        const PhaseScope phase("checkpoint");
        if (gradients_) gradients_->flush();
        save_checkpoint(folder_.checkpoint(), model_, *optimizer_, trainer_.position,
                        dataset_.hash);
    }

    // The log before the checkpoint: a row too many is dropped on resuming, one too few is lost.
    void finish_epoch(const EpochMetrics& metrics, bool best) {
        display_.show_epoch(metrics, options_.epochs);
        if (comparison_ != nullptr && !options_.quiet)
            if (const std::string verdict = comparison_->verdict(metrics); !verdict.empty())
                display_.show_line("           " + verdict);
        // Before, the encoder has not had the time to tell images apart.
        constexpr Index kStepsBeforeCollapse = 200;
        if (metrics.active_units == 0 && metrics.step >= kStepsBeforeCollapse &&
            !warned_of_collapse_) {
            warn("epoch " + std::to_string(metrics.epoch) +
                 ": the latents have collapsed: mu is the same for all images, and the decoder "
                 "learns from none; a smaller --beta may help");
            warned_of_collapse_ = true;
        }
        log_->append(metrics);
        const ModelOrigin origin{static_cast<std::uint32_t>(metrics.epoch), options_.seed,
                                 options_.kl_weight, mistake_};
        save_model(folder_.model(), model_, origin);
        if (best) save_model(folder_.best(), model_, origin);
        draw_pictures();
        if (tensorboard_ != nullptr) tensorboard_->append(metrics);
        history_->append(model_, options_.seed, metrics.epoch);
        save();
    }

    void draw_pictures() {
        const PhaseScope phase("pictures");
        const IdxImages& images = dataset_.test.images;
        const auto write = [&](const std::string& path, const GrayImage& drawn) {
            const GrayImage picture = mistake_.empty() ? drawn : flag_picture(drawn);
            const std::vector<std::byte> png = encode_png(picture);
            replace_file(path, png);
            if (tensorboard_ != nullptr)
                tensorboard_->add_picture(fs::path(path).stem(), picture, png);
        };
        write(folder_.reconstructions(), draw_reconstructions(model_, images, 20));
        write(folder_.samples(), draw_samples(model_, options_.seed, 100));
        write(folder_.manifold(), draw_manifold(model_, images, 20));
    }

    const RunFolder folder_;
    const TrainOptions options_;
    const TrainCommand& command_;
    const Dataset& dataset_;
    const Comparison* const comparison_;  // with a published curve; null: none
    TensorboardLog* const tensorboard_;   // null: none
    Followers& followers_;
    TrainDisplay display_;
    const std::string mistake_;  // its name, or empty
    Vae model_;
    std::unique_ptr<StepHooks> hooks_;
    std::unique_ptr<Optimizer> optimizer_;
    Trainer trainer_;
    std::unique_ptr<LogCsv> log_;
    std::optional<SampleHistory> history_;
    std::optional<GradientCsv> gradients_;
    bool warned_of_collapse_ = false;
};

}  // namespace

// What has to be right before the followers start.
static void check_shards(const TrainOptions& options, const TrainCommand& command,
                         const Communicator& ranks) {
    if (options.shards < ranks.size())
        throw Error(ErrorKind::argument, "--shards", "fewer than the processes that mpirun started",
                    std::to_string(options.shards), "at least " + std::to_string(ranks.size()));
    if (options.shards > 1 && !command.gradients.empty())
        throw Error(ErrorKind::argument, "--gradients", "is of a whole batch",
                    std::to_string(options.shards) + " shards", "no --shards beside it");
}

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
    TrainingRun run(folder, options, command, dataset, comparison ? &*comparison : nullptr,
                    tensorboard ? &*tensorboard : nullptr, followers);
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

}  // namespace handgrad::mnist_vae
