#include "training_run.hpp"

#include <cstdio>
#include <filesystem>
#include <vector>

#include "../../../core/io/atomic_file.hpp"
#include "../../../core/profile.hpp"
#include "../../common/option_values.hpp"
#include "../options/conventions.hpp"
#include "../report/report.hpp"
#include "../run/checkpoint.hpp"
#include "../run/gallery.hpp"
#include "../run/pictures.hpp"
#include "../run/recipe.hpp"
#include "signals.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

TrainingPlan plan_of(const TrainOptions& options, const TrainCommand& command) {
    TrainingPlan plan = mnist_vae::plan_of(options);
    plan.check_numerics = command.check_numerics;
    return plan;
}

}  // namespace

TrainingRun::TrainingRun(const RunInput& input)
    : input_(input),
      display_(detect_terminal_style(), input.options.quiet),
      mistake_(mistake_name(input.options.mistake)),
      model_(architecture_of(input.options, input.dataset.train.images)),
      hooks_(make_hooks(input.options.mistake)),
      optimizer_(make_optimizer(input.options, model_.arena())),
      trainer_(model_, *optimizer_, plan_of(input.options, input.command),
               input.dataset.train.images, validation_split(input.dataset).images,
               input.followers.ranks()) {
    model_.set_hooks(*hooks_);
}

bool TrainingRun::has_checkpoint() const { return checkpoint_exists(input_.folder.checkpoint()); }

void TrainingRun::start() {
    initialize(model_, input_.options, input_.dataset.train.images);
    open_logs(0);
}

void TrainingRun::resume() {
    const ResumePoint point = load_newest_checkpoint(input_.folder.checkpoint(), model_,
                                                     *optimizer_, input_.dataset.hash);
    if (!point.damage.empty()) warn(point.damage + "; going on from the checkpoint before it");
    trainer_.position = point.position;
    open_logs(trainer_.position.epoch - 1);
}

void TrainingRun::describe() {
    display_.show_header(
        {.data = input_.dataset.name + ", " + std::to_string(input_.dataset.train.images.count) +
                 " training and " + std::to_string(validation_split(input_.dataset).images.count) +
                 " validation images" + describe_binarization(input_.options.binarize),
         .model = model_.architecture().widths() + ", " +
                  activation_name(input_.options.activation) + ", " +
                  std::to_string(model_.arena().parameter_count()) + " parameters",
         .loss = describe_loss(input_.options) + ", in nats per image",
         .optimizer = describe_optimizer(input_.options),
         .machine = describe_machine() + describe_shards(),
         .folder = input_.folder.path.string(),
         .convention = describe_convention(input_.command.given, input_.options)});
    if (input_.comparison != nullptr && !input_.options.quiet)
        display_.show_line(input_.comparison->describe());
    if (!mistake_.empty()) warn(flag_text(input_.options.mistake));
    if (!mistake_.empty() && !input_.options.quiet)
        display_.show_line(flag_text(input_.options.mistake));
    if (input_.dataset.sample && !input_.options.quiet)
        display_.show_line(
            "note       this is the small sample that ships with the program; "
            "apps/fetch_mnist.sh gets all of MNIST");
}

Outcome TrainingRun::train() {
    TrainerEvents events;
    events.interrupted = [] { return SignalGuard::received() != 0; };
    events.batch_done = [this](const BatchProgress& progress) {
        display_.show_progress(progress);
        if (input_.options.checkpoint_every > 0 && progress.batch < progress.batches &&
            optimizer_->steps() % input_.options.checkpoint_every == 0)
            save();
    };
    events.epoch_done = [this](const EpochMetrics& metrics, bool best) {
        finish_epoch(metrics, best);
    };
    if (!input_.command.gradients.empty()) {
        gradients_.emplace(input_.command.gradients, Index(optimizer_->steps()), mistake_);
        events.backward_done = [this](Index step) {
            if (step % input_.command.gradients_every == 0)
                gradients_->append(step, trainer_.position.epoch,
                                   measure_anatomy(model_.head_gradients()));
        };
    }
    input_.followers.start(input_.options, plan_of(input_.options, input_.command),
                           input_.dataset.train.images, validation_split(input_.dataset).images,
                           model_, *optimizer_, trainer_.position);
    const Outcome outcome = trainer_.run(events);
    if (outcome == Outcome::interrupted) save();
    return outcome;
}

void TrainingRun::interrupted() {
    display_.show_line("interrupted in epoch " + std::to_string(trainer_.position.epoch) +
                       "; go on with: mnist_vae train --resume --out " +
                       input_.folder.path.string());
}

void TrainingRun::summarize(Outcome outcome, double wall_seconds) {
    if (outcome == Outcome::stopped_early)
        display_.show_line("stopped early: no lower val_loss for " +
                           std::to_string(input_.options.patience) + " epochs");
    const std::vector<EpochMetrics> rows = read_log(input_.folder.log());
    if (rows.empty()) return;
    double seconds = 0;
    for (const EpochMetrics& row : rows) seconds += row.seconds;
    const EpochMetrics& last = rows.back();
    const double images = double(input_.dataset.train.images.count) * double(rows.size());
    char losses[256];
    std::snprintf(losses, sizeof losses,
                  "\ntrained %td epoch%s: val_loss %.2f (recon %.2f + kl %.2f), lowest %.2f in "
                  "epoch %td\n%s of training at %s images/s, %s in all\n",
                  last.epoch, last.epoch == 1 ? "" : "s", last.val_loss, last.val_recon,
                  last.val_kl, trainer_.position.best_val_loss, trainer_.position.best_epoch,
                  format_seconds(seconds).c_str(), format_count(images / seconds).c_str(),
                  format_seconds(wall_seconds).c_str());
    std::string text = losses;
    if (!mistake_.empty()) display_.show_line("\n" + flag_text(input_.options.mistake));
    if (input_.comparison != nullptr) text += input_.comparison->summarize(rows) + "\n";
    display_.show_line(text + describe_communication() +
                       ("pictures, losses and weights are in " + input_.folder.path.string()) +
                       "\nall of it to look at: " + input_.folder.report());
}

void TrainingRun::write_report() const {
    const ReportInput input{input_.folder, &input_.dataset};
    replace_file(input_.folder.report(), make_report({&input, 1}));
}

void TrainingRun::open_logs(Index last_epoch) {
    log_ = std::make_unique<LogCsv>(input_.folder.log(), input_.folder.latents(), last_epoch,
                                    mistake_);
    history_.emplace(input_.folder.sample_history(), last_epoch, mistake_);
}

// ", 4 shards on 2 ranks"; empty for one.
std::string TrainingRun::describe_shards() const {
    if (input_.options.shards == 1) return {};
    const int ranks = input_.followers.ranks().size();
    return ", " + std::to_string(input_.options.shards) + " shards on " + std::to_string(ranks) +
           (ranks == 1 ? " rank" : " ranks");
}

// A line, or nothing if there is none to communicate with.
std::string TrainingRun::describe_communication() const {
    const int ranks = input_.followers.ranks().size();
    const TimeSpent spent = trainer_.time_spent();
    if (ranks == 1 || spent.training == 0) return {};
    char text[128];
    std::snprintf(
        text, sizeof text, "%s of %s in steps went into communication between %d ranks (%.0f %%)\n",
        format_seconds(spent.communication).c_str(), format_seconds(spent.training).c_str(), ranks,
        100 * spent.communication / spent.training);
    return text;
}

void TrainingRun::save() {
    const PhaseScope phase("checkpoint");
    if (gradients_) gradients_->flush();
    save_checkpoint(input_.folder.checkpoint(), model_, *optimizer_, trainer_.position,
                    input_.dataset.hash);
}

// The log before the checkpoint: a row too many is dropped on resuming, one too few is lost.
void TrainingRun::finish_epoch(const EpochMetrics& metrics, bool best) {
    display_.show_epoch(metrics, input_.options.epochs);
    if (input_.comparison != nullptr && !input_.options.quiet)
        if (const std::string verdict = input_.comparison->verdict(metrics); !verdict.empty())
            display_.show_line("           " + verdict);
    warn_of_collapse(metrics);
    log_->append(metrics);
    const ModelOrigin origin{static_cast<std::uint32_t>(metrics.epoch), input_.options.seed,
                             input_.options.kl_weight, mistake_};
    save_model(input_.folder.model(), model_, origin);
    if (best) save_model(input_.folder.best(), model_, origin);
    draw_pictures();
    if (input_.tensorboard != nullptr) input_.tensorboard->append(metrics);
    history_->append(model_, input_.options.seed, metrics.epoch);
    save();
}

void TrainingRun::draw_pictures() {
    const PhaseScope phase("pictures");
    const IdxImages& images = input_.dataset.test.images;
    const auto write = [&](const std::string& path, const GrayImage& drawn) {
        const GrayImage picture = mistake_.empty() ? drawn : flag_picture(drawn);
        const std::vector<std::byte> png = encode_png(picture);
        replace_file(path, png);
        if (input_.tensorboard != nullptr)
            input_.tensorboard->add_picture(std::filesystem::path(path).stem(), picture, png);
    };
    write(input_.folder.reconstructions(), draw_reconstructions(model_, images, 20));
    write(input_.folder.samples(), draw_samples(model_, input_.options.seed, 100));
    write(input_.folder.manifold(), draw_manifold(model_, images, 20));
}

void TrainingRun::warn_of_collapse(const EpochMetrics& metrics) {
    // Before, the encoder has not had the time to tell images apart.
    constexpr Index kSteps = 200;
    if (metrics.active_units > 0 || metrics.step < kSteps || warned_of_collapse_) return;
    warn("epoch " + std::to_string(metrics.epoch) +
         ": the latents have collapsed: mu is the same for all images, and the decoder learns "
         "from none; a smaller --beta may help");
    warned_of_collapse_ = true;
}

}  // namespace handgrad::apps::mnist_vae
