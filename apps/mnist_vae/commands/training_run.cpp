#include "training_run.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <new>
#include <utility>
#include <vector>

#include "../../../core/profile.hpp"
#include "../../common/console.hpp"
#include "../../common/option_values.hpp"
#include "../model/numeric_check.hpp"
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
      folder_(input.claim.folder()),
      display_(detect_terminal_style(), input.options.quiet),
      mistake_(mistake_name(input.options.mistake)),
      model_(architecture_of(input.options, input.dataset.train.images)),
      hooks_(make_hooks(input.options.mistake)),
      optimizer_(make_optimizer(input.options, model_.arena())),
      plan_(plan_of(input.options, input.command)),
      trainer_(model_, *optimizer_, plan_, input.dataset.train.images,
               validation_split(input.dataset).images, input.followers.ranks()),
      writer_(input.claim, input.options, input.dataset.hash) {
    model_.set_hooks(*hooks_);
}

void TrainingRun::start() {
    initialize(model_, input_.options, input_.dataset.train.images);
    add_gradients();
}

void TrainingRun::resume() {
    const ResumePoint point =
        writer_.resume(model_, *optimizer_,
                       {.plan = plan_,
                        .images = input_.dataset.train.images.count,
                        .architecture = model_.architecture(),
                        .model_epoch = {}});
    if (!point.damage.empty()) warn(point.damage + "; going on from the checkpoint before it");
    trainer_.position = point.position;
    add_gradients();
}

void TrainingRun::add_gradients() {
    if (input_.gradients.empty()) return;
    writer_.add_gradients(input_.gradients, {.latent = model_.architecture().latent,
                                             .steps_per_epoch = trainer_.batches_per_epoch(),
                                             .last_step = Index(optimizer_->steps())});
}

// What a user reads or keeps beside the run does not end training before it is saved.
template <class Output>
void TrainingRun::attempt(Output&& output) {
    if (failed_output_) return;
    try {
        output();
    } catch (const Error& error) {
        failed_output_ = error;
    }
}

void TrainingRun::note(const std::string& line) {
    if (!input_.options.quiet) attempt([&] { display_.show_line(line); });
}

void TrainingRun::describe() {
    const RunDescription header{
        .data = input_.dataset.name + ", " + std::to_string(input_.dataset.train.images.count) +
                " training and " + std::to_string(validation_split(input_.dataset).images.count) +
                " validation images" + describe_binarization(input_.options.binarize),
        .model = model_.architecture().widths() + ", " +
                 activation_name(input_.options.activation) + ", " +
                 std::to_string(model_.arena().parameter_count()) + " parameters",
        .loss = describe_loss(input_.options) + ", in nats per image",
        .optimizer = describe_optimizer(input_.options),
        .machine = describe_machine() + describe_shards(),
        .folder = folder_.path.string(),
        .convention = describe_convention(input_.command.given, input_.options)};
    attempt([&] { display_.show_header(header); });
    if (input_.comparison != nullptr) note(input_.comparison->describe());
    if (!mistake_.empty()) {
        warn(flag_text(input_.options.mistake));
        note(flag_text(input_.options.mistake));
    }
    if (input_.dataset.sample)
        note(
            "note       this is the small sample that ships with the program; "
            "apps/fetch_mnist.sh gets all of MNIST");
}

Outcome TrainingRun::train() {
    TrainerEvents events;
    events.interrupted = [this] { return SignalGuard::received() != 0 || failed_output_; };
    events.batch_done = [this](const BatchProgress& progress) {
        attempt([&] { display_.show_progress(progress); });
        if (input_.options.checkpoint_every > 0 && progress.batch < progress.batches &&
            optimizer_->steps() % input_.options.checkpoint_every == 0)
            save();
    };
    events.epoch_done = [this](const EpochMetrics& metrics, bool best) {
        finish_epoch(metrics, best);
    };
    if (writer_.gradients() != nullptr)
        events.backward_done = [this](Index step) {
            if (step % input_.command.gradients_every == 0)
                attempt([&] {
                    writer_.gradients()->append(step, trainer_.position.epoch,
                                                measure_anatomy(model_.head_gradients()));
                });
        };
    input_.followers.start(input_.options, plan_, input_.dataset.train.images,
                           validation_split(input_.dataset).images, model_, *optimizer_,
                           trainer_.position);
    const Outcome outcome = trainer_.run(events);
    if (outcome != Outcome::interrupted) return outcome;
    save();
    if (SignalGuard::received() == 0) throw *failed_output_;
    return outcome;
}

void TrainingRun::interrupted() {
    const std::string how_to_go_on =
        saved_ ? "; go on with: mnist_vae train --resume --out " + folder_.path.string()
               : ", before it had a model: the run in " + folder_.path.string() +
                     " is as it was, and nothing of this one is kept";
    attempt([&] {
        display_.show_line("interrupted in epoch " + std::to_string(trainer_.position.epoch) +
                           how_to_go_on);
    });
}

void TrainingRun::summarize(Outcome outcome, double wall_seconds) {
    const auto show = [&](const std::string& text) { attempt([&] { display_.show_line(text); }); };
    if (outcome == Outcome::stopped_early)
        show("stopped early: no lower val_loss for " + std::to_string(input_.options.patience) +
             " epochs");
    const std::vector<EpochMetrics> rows = read_log(folder_.log());
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
    if (!mistake_.empty()) show("\n" + flag_text(input_.options.mistake));
    if (input_.comparison != nullptr) text += input_.comparison->summarize(rows) + "\n";
    show(text + describe_communication() + "pictures, losses and weights are in " +
         folder_.path.string() + "\nall of it to look at: " + folder_.report());
}

void TrainingRun::check_output() const {
    if (failed_output_) throw *failed_output_;
    if (failed_picture_) throw *failed_picture_;
}

// No picture and no page ends a training. The last ones decide how the program ends.
template <class Draw>
void TrainingRun::draw(const std::string& name, Draw&& draw) try {
    draw();
} catch (const Error& error) {
    failed_picture_ = error;
    if (!trainer_.is_done()) warn(std::string(error.what()) + "; training goes on");
} catch (const std::bad_alloc&) {
    warn("out of memory for " + name);
}

void TrainingRun::draw_again() {
    draw_pictures(nullptr);
    write_report();
}

void TrainingRun::write_report() {
    draw("the page", [&] {
        const ReportInput input{folder_, &input_.dataset};
        writer_.write_file(folder_.report(), make_report({&input, 1}));
    });
}

void TrainingRun::write_profile(const std::string& table) {
    draw("profile.txt", [&] { writer_.write_file(folder_.profile(), table); });
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

void TrainingRun::check_finite(const EpochMetrics& m) const {
    const std::string where = "epoch " + std::to_string(m.epoch);
    for (const auto& [name, value] : {std::pair{"loss", m.loss},
                                      {"recon", m.recon},
                                      {"kl", m.kl},
                                      {"val_loss", m.val_loss},
                                      {"val_recon", m.val_recon},
                                      {"val_kl", m.val_kl},
                                      {"lr", m.lr},
                                      {"seconds", m.seconds},
                                      {"images_per_s", m.images_per_second}})
        if (!std::isfinite(value))
            throw Error(ErrorKind::numeric, where, std::string(name) + " is not finite",
                        number_text(value),
                        "finite numbers; a smaller --lr or --clip-norm may help");
}

// At every save, not at every batch: what is not finite is never saved, so that the checkpoint
// before stays the one to go on from.
void TrainingRun::check_state() {
    mnist_vae::check_state(model_, *optimizer_, "epoch " + std::to_string(trainer_.position.epoch));
}

void TrainingRun::save() {
    const PhaseScope phase("checkpoint");
    check_state();
    saved_ |= writer_.save(model_, *optimizer_, trainer_.position);
}

// Saved first, then printed and drawn: output that goes away loses nothing.
void TrainingRun::finish_epoch(const EpochMetrics& metrics, bool best) {
    check_finite(metrics);
    check_state();
    writer_.write_epoch(metrics, best, model_);
    if (input_.tensorboard != nullptr) attempt([&] { input_.tensorboard->append(metrics); });
    save();
    if (trainer_.is_done()) SignalGuard::stop_announcing();
    attempt([&] { show_epoch(metrics); });
    warn_of_collapse(metrics);
    draw_pictures(input_.tensorboard);
}

void TrainingRun::show_epoch(const EpochMetrics& metrics) {
    display_.show_epoch(metrics, input_.options.epochs);
    if (input_.comparison == nullptr || input_.options.quiet) return;
    const std::string verdict = input_.comparison->verdict(metrics);
    if (!verdict.empty()) display_.show_line("           " + verdict);
}

void TrainingRun::draw_pictures(TensorboardLog* tensorboard) {
    failed_picture_.reset();
    const PhaseScope phase("pictures");
    const IdxImages& images = input_.dataset.test.images;
    const auto write = [&](const std::string& path, const ImageSet& set) {
        const Architecture& a = model_.architecture();
        const std::string name = std::filesystem::path(path).stem();
        if (const std::string bounds = describe_bounds(set, a);
            !bounds.empty() && epochs_done() == 1)
            warn(name + ".png has " + bounds);
        const GrayImage drawn = mnist_vae::draw(set, a);
        const GrayImage picture = mistake_.empty() ? drawn : flag_picture(drawn);
        const std::vector<std::byte> png = encode_png(picture);
        writer_.write_file(path, png);
        if (tensorboard != nullptr) tensorboard->add_picture(name, picture, png);
    };
    constexpr Medium kMedium = Medium::picture;
    draw("reconstructions.png", [&] {
        write(folder_.reconstructions(), make_reconstructions(model_, images, 20, kMedium));
    });
    draw("samples.png", [&] {
        write(folder_.samples(), make_samples(model_, input_.options.seed, 100, kMedium));
    });
    draw("manifold.png",
         [&] { write(folder_.manifold(), make_manifold(model_, images, 20, kMedium)); });
    if (tensorboard != nullptr) attempt([&] { tensorboard->append_pictures(epochs_done()); });
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
