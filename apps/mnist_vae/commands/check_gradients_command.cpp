// `mnist_vae check-gradients`: proves the gradients of a model, as it is configured.
#include <algorithm>
#include <cstdio>
#include <string>
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
constexpr Index kTrainingSteps = 5;

// The options of the run, with what does not change a gradient as it was given now.
TrainOptions options_of(const CheckGradientsCommand& command) {
    if (command.run.empty()) return command.options;
    const RunFolder run{command.run};
    TrainOptions options = read_run_options(run.options());
    read_options_of(run, read_config(run));
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

std::string verdict(const GradientRow& row) {
    if (!row.problem.empty()) return "FAILED: " + row.problem;
    return row.unmeasured.empty() ? "ok" : "not measured: " + row.unmeasured;
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
                  f.relative_l2, d.worst, d.mean, d.relative_l2, row.kinks, verdict(row).c_str());
    return text;
}

// The last line, if no row has failed. Throws Error(numeric) if a tensor was not measured at all,
// but for images that are all alike: there a gradient of zero is the truth.
std::string conclusion(const GradientCheck& check, Index rows, const IdxImages& images) {
    if (check.unmeasured() == 0) return "Every gradient is proven.\n";
    const std::vector<std::string> tensors = check.unmeasured_tensors();
    const std::string found =
        "No gradient is wrong; not measured: " + std::to_string(check.unmeasured()) + " of " +
        std::to_string(rows) + " rows, ";
    if (tensors.empty()) return found + "but of every tensor another one.\n";
    if (all_equal(images)) return found + "since all images are the same.\n";
    const auto row = std::find_if(check.rows.begin(), check.rows.end(), [&](const GradientRow& r) {
        return r.tensor == tensors.front();
    });
    throw Error(
        ErrorKind::numeric, "check-gradients", "tensors could not be measured",
        std::to_string(tensors.size()) + ", the first " + row->tensor + ": " + row->unmeasured,
        "none");
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

    print(
        "The gradients of " + model.architecture().widths() + ", " + describe_loss(options) + ", " +
        describe_machine() +
        ", with the noise held still:\n"
        "float, the backward pass of training, beside complex steps of the scalar forward pass;\n"
        "double, the scalar backward pass, beside central differences. Errors are relative to the\n"
        "size of the terms that an element is made of (docs/reliability.md).\n\n"
        "                                                              float                 "
        "    double\n"
        "tensor            path                   elements    worst    mean      l2    worst    "
        "mean      l2 kinks\n");
    const GradientCheck check = check_gradients(
        model, candidates_of(images, options.seed, options.latent, options.samples, plan.images),
        plan, [](const GradientRow& row) { print(table_row(row)); });
    Index failed = check.failed(), rows = Index(check.rows.size());
    char text[256];
    std::snprintf(text, sizeof text,
                  "\n%td images%s, %td more skipped at a kink; tolerances: worst %.1e for float, "
                  "%.1e for double\n",
                  check.images, check.made_images ? " made to switch ReLUs on" : "",
                  check.skipped_images, kFloatTolerance, kDoubleTolerance);
    print(text);
    if (command.run.empty()) {
        const TrainingCheck training = check_training(options, images, kTrainingSteps);
        std::snprintf(
            text, sizeof text,
            "training: the losses of %td steps beside the scalar training in double: worst "
            "%.1e, tolerance %.0e  %s\n",
            training.steps, training.worst_loss_error, kTrainingTolerance,
            training.losses_passed() ? "ok" : "FAILED");
        print(text);
        std::snprintf(text, sizeof text,
                      "training: the way that %td of %td tensors go in them: worst %.1e, tolerance "
                      "%.0e  %s\n",
                      training.measured_tensors, training.tensors, training.worst_way_error,
                      kWayTolerance, training.ways_passed() ? "ok" : "FAILED");
        print(text);
        failed += !training.losses_passed() + !training.ways_passed();
        rows += 2;
    }
    if (failed > 0)
        throw Error(ErrorKind::mismatch, "check-gradients", "gradients are wrong",
                    std::to_string(failed) + " of " + std::to_string(rows) + " rows", "none");
    print(conclusion(check, rows, images));
}

}  // namespace handgrad::apps::mnist_vae
