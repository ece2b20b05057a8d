// The commands that use a trained model.
#include "commands.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "../../../core/error.hpp"
#include "../../../core/io/npy.hpp"
#include "../../../core/parallel.hpp"
#include "../../common/binarization.hpp"
#include "../../common/console.hpp"
#include "../../common/dataset.hpp"
#include "../../common/option_values.hpp"
#include "../../common/output.hpp"
#include "../model/evaluation.hpp"
#include "../model/likelihood.hpp"
#include "../model/loss_meaning.hpp"
#include "../model/numeric_check.hpp"
#include "../run/checkpoint.hpp"
#include "../run/gallery.hpp"
#include "../run/onnx_export.hpp"
#include "../run/own_files.hpp"
#include "../run/pictures.hpp"
#include "../run/recipe.hpp"
#include "../run/run_folder.hpp"
#include "named_files.hpp"
#include "user_image.hpp"

namespace handgrad::apps::mnist_vae {

namespace fs = std::filesystem;

namespace {

// A run that was chosen on the command line, with its model.
struct OpenRun {
    RunFolder folder;
    TrainOptions options;  // those of the run
    Vae model;
    ModelOrigin origin;
    std::string output;  // --output, or empty
    std::string data;    // --data, or the run's own

    explicit OpenRun(const RunChoice& choice)
        : folder{choice.run.empty() ? newest_run("runs") : fs::path(choice.run)},
          model(read_config_of_weights(folder)),
          output(choice.output) {
        if (choice.threads > 0) set_thread_count(choice.threads);
        const std::optional<ModelOrigin> found = load_model(folder.model(), model);
        if (const auto own = read_options_of(folder, model.architecture(), found)) options = *own;
        data = choice.data.empty() ? options.data : choice.data;
        if (!found)
            print_error(folder.model() +
                        " has no checksum: written by another program, not verified");
        origin = found.value_or(ModelOrigin{});
        if (!origin.mistake.empty())
            warn(folder.model() + " was trained with a MISTAKE made on purpose: " + origin.mistake);
    }

    // --output or, if it is not given, a file of this name in the run folder.
    Output output_or(const char* name, const std::vector<NamedInput>& inputs = {}) const {
        return output.empty() ? output_in_run(folder.path / name) : named_output(output, inputs);
    }
    // --output or standard output.
    Output output_or_stdout() const { return output.empty() ? Output("-") : named_output(output); }

    Dataset load(Splits splits) const {
        Dataset dataset = load_data(data, splits);
        check_image_size("--data", model.architecture(), dataset.test.images);
        if (splits == Splits::train_and_test && options.hold_out > 0)
            hold_out(dataset, options.hold_out);
        binarize(options.binarize, options.seed, Use::looking_back, dataset);
        return dataset;
    }
    // The images that --split names, as the run trained on them or was validated.
    Split load_split(SplitChoice split) const {
        if (split == SplitChoice::validation && options.hold_out == 0)
            throw Error(ErrorKind::argument, "--split", "no validation images",
                        "a run that held none out", "test, on which it was validated");
        Dataset dataset =
            load(split == SplitChoice::test ? Splits::test_only : Splits::train_and_test);
        switch (split) {
            case SplitChoice::train:
                return std::move(dataset.train);
            case SplitChoice::validation:
                return std::move(dataset.held_out);
            case SplitChoice::test:
                break;
        }
        return std::move(dataset.test);
    }
};

// Whether the file is to be one of numbers.
bool is_npy(const std::string& path) { return path.ends_with(".npy"); }

Medium medium_of(const OpenRun& run) {
    return is_npy(run.output) ? Medium::numbers : Medium::picture;
}

// As a picture, or as numbers if --output says so by its ending.
void write_images(const OpenRun& run, const Output& output, const ImageSet& images) {
    const Architecture& a = run.model.architecture();
    check_result(run.folder.model(), "a pixel", images.images);
    if (medium_of(run) == Medium::numbers) {
        output.write(serialize_images(images, a));
    } else {
        if (const std::string bounds = describe_bounds(images, a); !bounds.empty())
            warn("the picture has " + bounds + "; FILE.npy has them all");
        const GrayImage picture = draw(images, a);
        output.write(encode_png(run.origin.mistake.empty() ? picture : flag_picture(picture)));
    }
    output.print_name();
}

std::string format_losses(const char* label, const LossTerms& terms) {
    char line[128];
    std::snprintf(line, sizeof line, "%-8s %12.6f %12.6f %12.6f\n", label, terms.recon, terms.kl,
                  terms.loss);
    return line;
}

std::string format_likelihood(const std::vector<LikelihoodBound>& ladder) {
    std::string text = "\nsamples  -log p(x) <=    std error  effective samples\n";
    for (const LikelihoodBound& rung : ladder) {
        char line[128];
        std::snprintf(line, sizeof line, "%-8td %12.6f %12.6f %18.2f\n", rung.samples, rung.bound,
                      rung.standard_error, rung.effective_samples);
        text += line;
    }
    return text +
           "# from minus the ELBO to the estimate of -log p(x); the error is that of the mean "
           "over the images\n";
}

// mu and logvar of images, (n, 2 latent), with their labels.
std::string format_codes_csv(const Matrix& codes, const IdxLabels& labels) {
    const Index latent = codes.cols() / 2;
    std::string csv = "index,label";
    for (const char* name : {"mu_", "logvar_"})
        for (Index j = 0; j < latent; ++j) csv += "," + (name + std::to_string(j));
    csv += "\n";
    for (Index i = 0; i < codes.rows(); ++i) {
        csv += std::to_string(i) + "," + std::to_string(labels.labels[std::size_t(i)]);
        for (Index j = 0; j < codes.cols(); ++j) csv += "," + number_text(codes(i, j));
        csv += "\n";
    }
    return csv;
}

// The same as a structured array.
std::vector<std::byte> format_codes_npy(const Matrix& codes, const IdxLabels& labels) {
    const Index latent = codes.cols() / 2;
    const std::vector<std::int32_t> label(labels.labels.begin(), labels.labels.end());
    const NpyField fields[] = {
        {.name = "label", .integers = label},
        {.name = "mu", .values = codes.view().middle_cols(0, latent)},
        {.name = "logvar", .values = codes.view().middle_cols(latent, latent)}};
    return serialize_npy(fields);
}

// It may take minutes: whoever sits at a terminal sees how far it is.
std::vector<LikelihoodBound> estimate_with_progress(Vae& model, const IdxImages& images,
                                                    const LikelihoodPlan& plan) {
    if (isatty(STDERR_FILENO) == 0) return estimate_likelihood(model, images, plan);
    const auto show = [&](Index done) {
        if (done % 16 == 0 || done == images.count)
            std::fprintf(stderr, done == images.count ? "\r\x1b[K" : "\r%td of %td images", done,
                         images.count);
    };
    return estimate_likelihood(model, images, plan, show);
}

}  // namespace

void run_evaluate(const EvaluateCommand& command) {
    OpenRun run(command.choice);
    const Output output = run.output_or_stdout();
    Split split = run.load_split(command.split);
    if (command.count > 0) keep_first(split.images, command.count);
    Evaluator evaluator(run.model, split.images);
    const NoiseSource noise{run.origin.seed, Purpose::validation_noise, run.origin.epoch};
    const float weight = static_cast<float>(run.origin.kl_weight);
    const LossTerms sampled = evaluator.evaluate(&noise, weight);
    const LossTerms mean = evaluator.evaluate(nullptr, weight);
    for (const LossTerms& terms : {sampled, mean})
        for (const double value : {terms.recon, terms.kl, terms.loss})
            check_result(run.folder.model(), "a loss", value);
    char header[128];
    std::snprintf(header, sizeof header, "%-8s %12s %12s %12s\n", "z", "recon", "kl", "loss");
    std::string text = header + format_losses("sampled", sampled) + format_losses("mu", mean) +
                       explain_losses(run.model.architecture(), run.origin.kl_weight, split.images,
                                      run.options.binarize, sampled.recon);
    if (command.nll_samples > 0) {
        const auto ladder = estimate_with_progress(run.model, split.images,
                                                   {command.nll_samples, run.origin.seed});
        for (const LikelihoodBound& rung : ladder)
            check_result(run.folder.model(), "-log p(x)", rung.bound);
        text += format_likelihood(ladder);
    }
    output.write(text);
}

void run_reconstruct(const ReconstructCommand& command) {
    OpenRun run(command.choice);
    const Output output = run.output_or("reconstruct.png", {{"--image", command.image}});
    if (command.image.empty()) {
        const Dataset dataset = run.load(Splits::test_only);
        return write_images(
            run, output,
            make_reconstructions(run.model, dataset.test.images, command.count, medium_of(run)));
    }
    const Architecture& a = run.model.architecture();
    const std::vector<float> digit =
        normalize_digit(read_png(command.image), a.image_rows, a.image_cols, command.image);
    write_images(run, output,
                 make_reconstructions(run.model, {digit.data(), 1, a.pixels(), a.pixels()}));
}

void run_sample(const SampleCommand& command) {
    OpenRun run(command.choice);
    const Output output = run.output_or(command.interpolate ? "interpolate.png" : "sample.png");
    if (!command.interpolate)
        return write_images(run, output,
                            make_samples(run.model, command.seed, command.count, medium_of(run)));
    const Dataset dataset = run.load(Splits::test_only);
    constexpr Index kSteps = 11;
    write_images(run, output,
                 make_interpolation(run.model, dataset.test.images, command.interpolate->first,
                                    command.interpolate->second, kSteps));
}

void run_manifold(const ManifoldCommand& command) {
    OpenRun run(command.choice);
    const Output output = run.output_or("manifold.png");
    // Which dimensions to show is a question to the data, if there are more than two.
    const bool needs_data = run.model.architecture().latent > 2;
    const IdxImages images = needs_data ? run.load(Splits::test_only).test.images : IdxImages{};
    write_images(run, output, make_manifold(run.model, images, command.size, medium_of(run)));
}

void run_encode(const EncodeCommand& command) {
    OpenRun run(command.choice);
    const Output output = run.output_or_stdout();
    const Split split = run.load_split(command.split);
    const Index count = split.images.count, latent = run.model.architecture().latent;
    Matrix x, codes(count, 2 * latent);
    for (Index first = 0; first < count; first += 256) {
        const Index n = std::min<Index>(256, count - first);
        load_images(split.images, first, x.resize(n, run.model.architecture().pixels()));
        const Vae::Posterior q = run.model.encode(x);
        for (Index i = 0; i < n; ++i) {
            std::copy_n(q.mu.row(i), latent, codes.row(first + i));
            std::copy_n(q.logvar.row(i), latent, codes.row(first + i) + latent);
        }
    }
    check_result(run.folder.model(), "mu or logvar", codes);
    if (is_npy(run.output))
        output.write(format_codes_npy(codes, split.labels));
    else
        output.write(format_codes_csv(codes, split.labels));
}

void run_export(const ExportCommand& command) {
    OpenRun run(command.choice);
    if (run.output == "-")
        throw Error(ErrorKind::argument, "--output", "bad value", "'-'", "a folder");
    const fs::path folder = run.output.empty() ? run.folder.path : fs::path(run.output);
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        throw Error(ErrorKind::output, folder, "cannot be made a folder: " + error.message());
    // Nobody has named the files themselves.
    const Output encoder = output_in_run(folder / "encoder.onnx");
    const Output decoder = output_in_run(folder / "decoder.onnx");
    encoder.write(encoder_onnx(run.model, run.origin.mistake));
    encoder.print_name();
    decoder.write(decoder_onnx(run.model, run.origin.mistake));
    decoder.print_name();
}

}  // namespace handgrad::apps::mnist_vae
