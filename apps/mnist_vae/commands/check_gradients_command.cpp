// `mnist_vae check-gradients`: proves the gradients of a model, as it is configured.
#include <algorithm>
#include <cstdio>
#include <numeric>
#include <vector>

#include "../../../core/error.hpp"
#include "../../../core/parallel.hpp"
#include "../../../core/random.hpp"
#include "../../common/console.hpp"
#include "../checks/gradient_check.hpp"
#include "../checks/training_check.hpp"
#include "../model/evaluation.hpp"
#include "../run/checkpoint.hpp"
#include "../run/recipe.hpp"
#include "../run/run_folder.hpp"
#include "commands.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

constexpr Index kImages = 8, kImagesForAll = 2, kElements = 64;
// Some images may lie at a kink: so many are looked at for each that is wanted.
constexpr Index kCandidates = 4;
constexpr Index kTrainingSteps = 5;

// The options of the run, with what does not change a gradient as it was given now.
TrainOptions options_of(const CheckGradientsCommand& command) {
    if (command.run.empty()) return command.options;
    TrainOptions options = read_run_options(RunFolder{command.run}.options());
    for (const auto& [name, value] : command.given) {
        if (name == "data")
            options.data = value;
        else if (name == "threads")
            options.threads = command.options.threads;
        else
            throw Error(ErrorKind::argument, "--" + name,
                        "contradicts RUN, whose options are those of its options.toml");
    }
    return options;
}

std::string table_row(const GradientRow& row) {
    const std::string elements =
        row.elements == row.size ? "all " + std::to_string(row.size)
                                 : std::to_string(row.elements) + " of " + std::to_string(row.size);
    const auto& f = row.float_errors;
    const auto& d = row.double_errors;
    char text[256];
    std::snprintf(text, sizeof text,
                  "%-17s %-16s %14s  %7.1e %7.1e %7.1e  %7.1e %7.1e %7.1e %5td  %s\n",
                  row.tensor.c_str(), row.path.c_str(), elements.c_str(), f.worst, f.mean,
                  f.relative_l2, d.worst, d.mean, d.relative_l2, row.kinks,
                  row.problem.empty() ? "ok" : ("FAILED: " + row.problem).c_str());
    return text;
}

}  // namespace

void run_check_gradients(const CheckGradientsCommand& command) {
    const TrainOptions options = options_of(command);
    if (options.threads > 0) set_thread_count(options.threads);
    const Dataset dataset = load_training_data(options);
    const IdxImages& images = dataset.train.images;

    Vae model(command.run.empty() ? architecture_of(options, images)
                                  : read_config_of_weights(RunFolder{command.run}));
    check_image_size("--data", model.architecture(), images);
    if (command.run.empty())
        initialize(model, options, images);
    else
        load_model(RunFolder{command.run}.model(), model);

    const auto hooks = make_hooks(options.mistake);
    model.set_hooks(*hooks);
    if (options.mistake != Mistake::none) print(flag_text(options.mistake) + "\n\n");

    const GradientCheckPlan plan{.objective = plan_of(options).objective,
                                 .images = command.all ? kImagesForAll : kImages,
                                 .elements = command.all ? 0 : kElements,
                                 .seed = options.seed};
    const Index candidates = std::min(kCandidates * plan.images, images.count);
    std::vector<std::uint32_t> samples(static_cast<std::size_t>(candidates));
    std::iota(samples.begin(), samples.end(), 0);
    Matrix x(candidates, model.architecture().pixels());
    const Index latent = model.architecture().latent, per_image = options.samples;
    Matrix drawn(candidates, per_image * latent), noise(candidates * per_image, latent);
    load_images(images, 0, x);
    fill_noise(options.seed, Purpose::training_noise, 1, samples, drawn);
    split_samples(drawn, noise);

    print("The gradients of " + model.architecture().widths() + ", " + describe_loss(options) +
          ", " + describe_machine() +
          ", with the noise held still:\n"
          "float, the backward pass of training, beside complex steps of the scalar forward pass;\n"
          "double, the scalar backward pass, beside central differences. Errors are relative.\n\n"
          "                                                              float                 "
          "    double\n"
          "tensor            path                   elements    worst    mean      l2    worst    "
          "mean      l2 kinks\n");
    const GradientCheck check = check_gradients(
        model, x, noise, plan, [](const GradientRow& row) { print(table_row(row)); });
    Index failed = std::count_if(check.rows.begin(), check.rows.end(),
                                 [](const GradientRow& row) { return !row.problem.empty(); });
    Index rows = Index(check.rows.size());
    char text[256];
    std::snprintf(text, sizeof text,
                  "\n%td images, %td more skipped at a kink; tolerances: l2 %.0e for float, worst "
                  "%.0e for double\n",
                  check.images, check.skipped_images, kFloatTolerance, kDoubleTolerance);
    print(text);
    if (command.run.empty()) {
        const TrainingCheck training = check_training(options, images, kTrainingSteps);
        std::snprintf(
            text, sizeof text,
            "training: the losses of %td steps beside the scalar training in double: worst "
            "%.1e, tolerance %.0e  %s\n",
            training.steps, training.worst_loss_error, kTrainingTolerance,
            training.passed() ? "ok" : "FAILED");
        print(text);
        failed += !training.passed();
        ++rows;
    }
    if (failed > 0)
        throw Error(ErrorKind::mismatch, "check-gradients", "gradients are wrong",
                    std::to_string(failed) + " of " + std::to_string(rows) + " rows", "none");
    print("Every gradient is proven.\n");
}

}  // namespace handgrad::apps::mnist_vae
