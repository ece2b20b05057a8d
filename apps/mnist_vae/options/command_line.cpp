#include "command_line.hpp"

#include "../../../core/error.hpp"
#include "../../../core/io/file.hpp"
#include "../../../core/version.hpp"
#include "../../common/option_values.hpp"
#include "../completion/completion.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

constexpr std::uint64_t kMaxImages = 10'000;
constexpr std::uint64_t kMaxSteps = 1'000'000;
constexpr std::uint64_t kMaxSide = 100;  // of a square grid of kMaxImages

// Calls set(text) for an option that may be given once.
void add_parsed(CLI::App& app, const std::string& name, const std::string& values,
                const std::string& help, std::function<void(const std::string&)> set) {
    app.add_option_function<std::string>(name, std::move(set), help)->option_text(values);
}

// A path; an empty one would quietly mean something else.
void add_path(CLI::App& app, const std::string& name, const std::string& values,
              const std::string& help, std::string& path) {
    add_parsed(app, name, values, help, [&path, name](const std::string& text) {
        if (text.empty()) throw Error(ErrorKind::argument, name, "bad value", "''", "a path");
        path = text;
    });
}

// A flag that may be given once.
void add_flag(CLI::App& app, const std::string& name, const std::string& help, bool& flag) {
    app.add_flag(name, flag, help)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

std::string join(const std::string& values, const std::string& standard) {
    return values + (standard.empty() ? "" : " [" + standard + "]");
}

void define_count(CLI::App& app, const std::string& name, const std::string& help, Index& count,
                  std::uint64_t most = kMaxImages) {
    add_parsed(app, name, "N [" + std::to_string(count) + "]", help,
               [&count, name, most](const std::string& text) {
                   count = static_cast<Index>(parse_integer(name, text, 1, most));
               });
}

// The options that say what is trained and how, and --config.
void define_recipe(CLI::App& app, std::map<std::string, std::string>& given, std::string& config) {
    for (const auto descriptions : {shorthand_descriptions(), train_option_descriptions()})
        for (const OptionDescription& d : descriptions)
            add_parsed(app, "--" + d.name, join(d.values, d.get(TrainOptions{})), d.help,
                       [&given, name = d.name](const std::string& text) { given[name] = text; });
    add_path(app, "--config", "FILE",
             "Options from a file such as a run's options.toml; those of "
             "the command line win",
             config);
}

void define_train(CLI::App& app, TrainCommand& command, std::string& config) {
    define_recipe(app, command.given, config);
    add_path(app, "--out", "DIR", "Run folder [a new one under runs/]", command.out);
    add_flag(app, "--resume",
             "Go on with the run in --out; only --epochs, --threads, --sparsity, --fuse and the "
             "place of the data may change",
             command.resume);
    add_flag(app, "--overwrite", "Replace the run in --out, as soon as the new one has a model", command.overwrite);
    add_flag(app, "--profile", "End with a table of where the time of the steps went",
             command.profile);
    add_path(app, "--gradients", "FILE.csv",
             "What recon and kl ask of mu and logvar: norms and cosine, per step and latent",
             command.gradients);
    define_count(app, "--gradients-every", "Steps between two rows of --gradients",
                 command.gradients_every, kMaxSteps);
    add_flag(app, "--check-numerics",
             "Look at every number and name the first that is not finite; slow",
             command.check_numerics);
    add_path(app, "--tensorboard", "DIR", "Losses and pictures of every epoch for TensorBoard",
             command.tensorboard);
    add_path(app, "--compare-to", "NAME|FILE|list",
             "A published curve to hold every val_loss against; list: those there are",
             command.compare_to);
    add_path(app, "--trace", "FILE.json", "When each thread did what, for ui.perfetto.dev",
             command.trace);
    add_flag(app, "--quiet", "Print the summary alone", command.options.quiet);
}

void define_threads(CLI::App& app, int& threads) {
    add_parsed(app, "--threads", "N [0]", "0: one per processor",
               [&threads](const std::string& text) {
                   threads = static_cast<int>(parse_integer("--threads", text, 0, 1024));
               });
}

void define_run_and_output(CLI::App& app, RunChoice& choice, const std::string& output) {
    add_path(app, "RUN", "PATH", "Run folder [the newest under runs/]", choice.run);
    add_path(app, "--output", "PATH", output, choice.output);
}

void define_run(CLI::App& app, RunChoice& choice, const std::string& output) {
    define_run_and_output(app, choice, output);
    add_path(app, "--data", "DIR", "Folder with the IDX files [as for train]", choice.data);
    define_threads(app, choice.threads);
}

void define_report(CLI::App& app, ReportCommand& command) {
    app.add_option_function<std::vector<std::string>>(
           "RUN",
           [&command](const std::vector<std::string>& runs) {
               for (const std::string& run : runs)
                   if (run.empty())
                       throw Error(ErrorKind::argument, "RUN", "bad value", "''", "a path");
               if (runs.size() > kMaxReportRuns)
                   throw Error(ErrorKind::argument, "RUN", "too many runs for one page",
                               std::to_string(runs.size()),
                               "at most " + std::to_string(kMaxReportRuns));
               command.runs = runs;
           },
           "Run folders, to be laid over one another [the newest under runs/]")
        ->option_text("PATH...");
    add_path(app, "--output", "FILE.html",
             "The page, - for standard output [RUN/report.html; of several, comparison.html in the "
             "first]",
             command.output);
    add_path(app, "--data", "DIR", "Folder with the IDX files [as for train]", command.data);
    define_threads(app, command.threads);
}

void define_split(CLI::App& app, SplitChoice& split) {
    add_parsed(app, "--split", "test|train|validation [test]",
               "Which images; validation: those of the run's --hold-out",
               [&split](const std::string& text) {
                   constexpr const char* kNames[] = {"test", "train", "validation"};
                   split = static_cast<SplitChoice>(parse_choice("--split", text, kNames, 3));
               });
}

// The options from --config and, over them, those that were typed.
void finish_recipe(const std::string& config, std::map<std::string, std::string>& given,
                   TrainOptions& options) {
    const auto typed = given;
    if (!config.empty()) {
        const std::vector<std::byte> bytes = read_file(config, kMaxConfigBytes);
        const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        given = parse_toml(text, config);
        apply(given, options, "");
        for (const auto& [name, value] : typed) given[name] = value;
    }
    apply(typed, options, "--");
    check_combination(options);
}

Command finish_train(TrainCommand command, const std::string& config) {
    command.config = config;
    if (command.resume && command.overwrite)
        throw Error(ErrorKind::argument, "--resume", "contradicts --overwrite");
    if (command.resume && command.out.empty())
        throw Error(ErrorKind::argument, "--resume", "needs --out, the run to go on with");
    finish_recipe(config, command.given, command.options);
    return command;
}

Command finish_check(CheckGradientsCommand command, const std::string& config) {
    finish_recipe(config, command.given, command.options);
    return command;
}

}  // namespace

CommandLine::CommandLine() {
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("mnist_vae ") + version().text);
    const auto add = [this](const char* name, const char* help, std::function<Command()> result) {
        results[name] = std::move(result);
        return app.add_subcommand(name, help);
    };
    CLI::App* sub = add("train", "Train a model", [this] { return finish_train(train, config); });
    define_train(*sub, train, config);

    sub = add("evaluate", "Losses of a model on a data set", [this] { return evaluate; });
    define_run(*sub, evaluate.choice, "File for the result [standard output]");
    define_split(*sub, evaluate.split);
    add_parsed(
        *sub, "--count", "N [all]", "Only the first images", [this](const std::string& text) {
            evaluate.count = static_cast<Index>(parse_integer("--count", text, 1, 1'000'000'000));
        });
    add_parsed(
        *sub, "--nll", "K", "Also -log p(x) by importance sampling with K latents for each image",
        [this](const std::string& text) {
            evaluate.nll_samples = static_cast<Index>(parse_integer("--nll", text, 1, 1'000'000));
        });

    sub = add("reconstruct", "Images above their reconstructions, as PNG or .npy",
              [this] { return reconstruct; });
    define_run(*sub, reconstruct.choice,
               "Picture, FILE.npy for numbers, or - for standard output [RUN/reconstruct.png]");
    add_path(*sub, "--image", "FILE.png",
             "A digit of your own, of any size, instead of test "
             "images",
             reconstruct.image);
    define_count(*sub, "--count", "Test images to show", reconstruct.count);

    sub =
        add("sample", "New images from random latents, as PNG or .npy", [this] { return sample; });
    define_run(*sub, sample.choice,
               "Picture, FILE.npy for numbers, or - for standard output [RUN/sample.png or "
               "RUN/interpolate.png]");
    define_count(*sub, "--count", "Images to make", sample.count);
    add_parsed(*sub, "--seed", "N [0]", "Of the latents", [this](const std::string& text) {
        sample.seed = parse_integer("--seed", text, 0, UINT64_MAX);
    });
    sub->add_option_function<std::vector<std::string>>(
           "--interpolate",
           [this](const std::vector<std::string>& ends) {
               const auto position = [](const std::string& text) {
                   return static_cast<Index>(
                       parse_integer("--interpolate", text, 0, 1'000'000'000));
               };
               sample.interpolate = {position(ends[0]), position(ends[1])};
           },
           "Instead: from one test image to another, by their positions from 0")
        ->option_text("A B")
        ->expected(2)
        ->allow_extra_args(false);

    sub = add("manifold", "The images of a grid of latents, as PNG or .npy",
              [this] { return manifold; });
    define_run(*sub, manifold.choice,
               "Picture, FILE.npy for numbers, or - for standard output [RUN/manifold.png]");
    define_count(*sub, "--size", "Images along each side", manifold.size, kMaxSide);

    sub = add("encode", "mu and logvar of every image with its label, as CSV or .npy",
              [this] { return encode; });
    define_run(*sub, encode.choice, "FILE.npy for an array, others for CSV [standard output]");
    define_split(*sub, encode.split);

    sub = add("export", "The model in a format of other programs", [this] {
        if (!exported.onnx)
            throw Error(ErrorKind::argument, "export", "no format given", "", "--onnx");
        return exported;
    });
    define_run_and_output(*sub, exported.choice, "Folder for the files [RUN]");
    add_flag(*sub, "--onnx", "encoder.onnx and decoder.onnx, for ONNX Runtime and its like",
             exported.onnx);

    sub = add("report", "A page that shows a run, or several, and decodes as you drag",
              [this] { return report; });
    define_report(*sub, report);

    sub =
        add("check-gradients", "Proves every gradient of a model against two other ways to get it",
            [this] { return finish_check(check, config); });
    add_path(*sub, "RUN", "PATH", "Run folder [a new model, as the options say]", check.run);
    add_flag(*sub, "--all", "Every parameter, on two images: takes minutes", check.all);
    define_recipe(*sub, check.given, config);

    sub = add("verify-determinism", "Whether every path gives the same weights on this machine",
              [this] { return verify; });
    define_count(*sub, "--steps", "Updates to train for", verify.steps, kMaxSteps);

    sub = add("lesson", "How the gradients of a VAE work, step by step, as an interactive page",
              [this] { return lesson; });
    add_path(*sub, "--output", "FILE",
             "File, - for standard output [vae-gradients.html; of --markdown standard output]",
             lesson.output);
    add_flag(*sub, "--markdown", "The text of docs/vae-gradients.md instead", lesson.markdown);

    add("info", "Version, instruction sets, threads and build", [] { return InfoCommand{}; });

    sub = add("completion", "A script that completes commands, options and values in a shell",
              [this] { return TextCommand{completion_script(app, shell)}; });
    add_parsed(*sub, "SHELL", "bash|zsh|fish [bash]", "The shell", [this](const std::string& text) {
        shell = static_cast<Shell>(
            parse_choice("SHELL", text, kShellNames, static_cast<int>(std::size(kShellNames))));
    });
}

}  // namespace handgrad::apps::mnist_vae
