// The command line, by CLI11. Every value is taken as text and checked by our own parsers, which
// are stricter than CLI11's.
#include "options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "../../core/error.hpp"
#include "../../core/io/file.hpp"
#include "option_values.hpp"

namespace handgrad::mnist_vae {

namespace {

// Each belongs to the help of the command that it begins with, and to that of the program.
constexpr const char* kExamples[] = {
    "train                                   784-512-2 for 50 epochs, into runs/",
    "train --hidden 400 --latent 20 --epochs 10 --out runs/wide",
    "train --out runs/wide --resume          go on where it was interrupted",
    "evaluate runs/wide",
    "reconstruct runs/wide --image my_digit.png --output mine.png",
    "sample --interpolate 3 7                the newest run under runs/",
    "manifold runs/wide --size 30 --output map.png",
    "encode runs/wide --split train --output latents.csv",
    "check-gradients --hidden 64 --activation tanh --recon-loss mse",
    "check-gradients runs/wide --all         every parameter, on two images",
    "verify-determinism                      about a minute",
    "info",
};

constexpr std::uint64_t kMaxImages = 10'000;
constexpr std::uint64_t kMaxSteps = 1'000'000;
constexpr std::uint64_t kMaxSide = 100;  // of a square grid of kMaxImages

// A message is one line, whatever the user typed.
std::string printable(std::string text) {
    std::replace_if(
        text.begin(), text.end(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    return text;
}

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
    for (const OptionDescription& d : train_option_descriptions())
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
    add_flag(app, "--overwrite", "Replace the run in --out", command.overwrite);
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
    add_path(app, "--trace", "FILE.json", "When each thread did what, for ui.perfetto.dev",
             command.trace);
    add_flag(app, "--quiet", "Print the summary alone", command.options.quiet);
}

void define_run(CLI::App& app, RunChoice& choice, const std::string& output) {
    add_path(app, "RUN", "PATH", "Run folder [the newest under runs/]", choice.run);
    add_path(app, "--output", "PATH", output, choice.output);
    add_path(app, "--data", "DIR", "Folder with the IDX files [as for train]", choice.data);
    add_parsed(app, "--threads", "N [0]", "0: one per processor",
               [&choice](const std::string& text) {
                   choice.threads = static_cast<int>(parse_integer("--threads", text, 0, 1024));
               });
}

void define_split(CLI::App& app, bool& train_split) {
    add_parsed(app, "--split", "test|train [test]", "Which images",
               [&train_split](const std::string& text) {
                   constexpr const char* kNames[] = {"test", "train"};
                   train_split = parse_choice("--split", text, kNames, 2) == 1;
               });
}

struct CommandLine {
    CLI::App app{
        "Trains a dense variational autoencoder on MNIST, with hand-written gradients, "
        "and shows what it learned.",
        "mnist_vae"};
    TrainCommand train;
    EvaluateCommand evaluate;
    ReconstructCommand reconstruct;
    SampleCommand sample;
    ManifoldCommand manifold;
    EncodeCommand encode;
    CheckGradientsCommand check;
    VerifyCommand verify;
    std::string config;

    CommandLine() {
        app.require_subcommand(1);
        app.set_version_flag("--version", "mnist_vae " HANDGRAD_VERSION);
        define_train(*app.add_subcommand("train", "Train a model"), train, config);

        CLI::App* sub = app.add_subcommand("evaluate", "Losses of a model on a data set");
        define_run(*sub, evaluate.choice, "File for the result [standard output]");
        define_split(*sub, evaluate.train_split);

        sub = app.add_subcommand("reconstruct", "Images above their reconstructions, as PNG");
        define_run(*sub, reconstruct.choice, "Picture [RUN/reconstruct.png]");
        add_path(*sub, "--image", "FILE.png",
                 "A digit of your own, of any size, instead of test "
                 "images",
                 reconstruct.image);
        define_count(*sub, "--count", "Test images to show", reconstruct.count);

        sub = app.add_subcommand("sample", "New images from random latents, as PNG");
        define_run(*sub, sample.choice, "Picture [RUN/sample.png or RUN/interpolate.png]");
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

        sub = app.add_subcommand("manifold", "The images of a grid of latents, as PNG");
        define_run(*sub, manifold.choice, "Picture [RUN/manifold.png]");
        define_count(*sub, "--size", "Images along each side", manifold.size, kMaxSide);

        sub = app.add_subcommand("encode", "mu and logvar of every image with its label, as CSV");
        define_run(*sub, encode.choice, "File [standard output]");
        define_split(*sub, encode.train_split);

        sub = app.add_subcommand(
            "check-gradients", "Proves every gradient of a model against two other ways to get it");
        add_path(*sub, "RUN", "PATH", "Run folder [a new model, as the options say]", check.run);
        add_flag(*sub, "--all", "Every parameter, on two images: takes minutes", check.all);
        define_recipe(*sub, check.given, config);

        sub = app.add_subcommand("verify-determinism",
                                 "Whether every path gives the same weights on this machine");
        define_count(*sub, "--steps", "Updates to train for", verify.steps, kMaxSteps);

        app.add_subcommand("info", "Version, instruction sets, threads and build");
    }

    // The command that was chosen; null if there is none.
    CLI::App* chosen() const {
        const auto commands = app.get_subcommands();
        return commands.empty() ? nullptr : commands.front();
    }
};

std::string help_text(const CommandLine& line) {
    const CLI::App* chosen = line.chosen();
    std::string text = "Examples:\n";
    for (const std::string example : kExamples)
        if (chosen == nullptr || example.substr(0, example.find(' ')) == chosen->get_name())
            text += "  mnist_vae " + example + "\n";
    return text + "\n" + (chosen == nullptr ? line.app.help() : chosen->help("mnist_vae"));
}

[[noreturn]] void refuse_word(const std::string& word, std::string problem,
                              const std::vector<std::string>& names, const std::string& command) {
    const std::string close = closest_name(word, names);
    if (!close.empty()) problem += "; did you mean '" + close + "'?";
    throw Error(ErrorKind::argument, printable(word), problem, "",
                "what " + command + " --help lists");
}

// What CLI11 lets pass: "--out=" would take the next argument for its value, "--resume=7" would be
// a flag like "--resume".
void refuse_odd_values(const std::vector<std::string>& arguments) {
    for (const std::string& argument : arguments) {
        const std::size_t equals = argument.find('=');
        if (!argument.starts_with("--") || equals == std::string::npos) continue;
        const std::string name = argument.substr(0, equals), value = argument.substr(equals + 1);
        if (value.empty())
            throw Error(ErrorKind::argument, printable(name), "no value after the =");
        constexpr const char* kFlags[] = {"--resume",  "--overwrite",      "--quiet",
                                          "--profile", "--check-numerics", "--all"};
        if (std::find(std::begin(kFlags), std::end(kFlags), name) != std::end(kFlags))
            throw Error(ErrorKind::argument, name, "takes no value", "'" + value + "'", "none");
    }
}

// There is no such command among the arguments.
[[noreturn]] void refuse_command(CommandLine& line, const std::vector<std::string>& arguments) {
    if (arguments.empty() || arguments.front().starts_with('-'))
        throw Error(ErrorKind::argument, "mnist_vae", "no command given",
                    arguments.empty() ? "" : "'" + printable(arguments.front()) + "' first",
                    "train, evaluate, reconstruct, sample, manifold, encode, check-gradients, "
                    "verify-determinism or info; see --help");
    std::vector<std::string> names;
    for (const CLI::App* command : line.app.get_subcommands(nullptr))
        names.push_back(command->get_name());
    refuse_word(arguments.front(), "no such command", names, "mnist_vae");
}

// Words that the chosen command does not know; an option among them is the likeliest mistake.
[[noreturn]] void refuse_extras(const CommandLine& line) {
    const std::vector<std::string> words = line.app.remaining(/*recurse=*/true);
    const std::string command = "mnist_vae " + line.chosen()->get_name();
    const auto option = std::find_if(words.begin(), words.end(),
                                     [](const std::string& w) { return w.starts_with('-'); });
    if (option == words.end()) refuse_word(words.front(), "a word too many", {}, command);
    std::vector<std::string> names;
    for (const CLI::Option* o : line.chosen()->get_options())
        if (!o->get_lnames().empty()) names.push_back("--" + o->get_lnames().front());
    refuse_word(option->substr(0, option->find('=')), "no such option", names, command);
}

// An option with too few or too many values, or one that stands twice. CLI11's own
// message begins with the option's name, and is hard to understand from there on.
[[noreturn]] void refuse_count(const CommandLine& line, const CLI::ArgumentMismatch& error) {
    const std::string message = error.what();
    const std::string name = message.substr(0, message.find(':'));
    const CLI::App* command = line.chosen() == nullptr ? &line.app : line.chosen();
    const CLI::Option* option = command->get_option_no_throw(name);
    if (option == nullptr) throw Error(ErrorKind::argument, "command line", printable(message));
    if (option->get_items_expected_max() == 0)
        throw Error(ErrorKind::argument, name, "is given more than once");
    throw Error(ErrorKind::argument, name, "wrong number of values",
                std::to_string(option->count()), std::to_string(option->get_items_expected_max()));
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
}

Command finish_train(CommandLine& line) {
    TrainCommand& command = line.train;
    if (command.resume && command.overwrite)
        throw Error(ErrorKind::argument, "--resume", "contradicts --overwrite");
    if (command.resume && command.out.empty())
        throw Error(ErrorKind::argument, "--resume", "needs --out, the run to go on with");
    finish_recipe(line.config, command.given, command.options);
    return command;
}

Command finish_check(CommandLine& line) {
    CheckGradientsCommand& command = line.check;
    finish_recipe(line.config, command.given, command.options);
    return command;
}

}  // namespace

Command parse_command_line(const std::vector<std::string>& arguments) {
    CommandLine line;
    refuse_odd_values(arguments);
    // CLI11 takes the arguments last first.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        line.app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        return TextCommand{help_text(line)};
    } catch (const CLI::CallForVersion& version) {
        return TextCommand{std::string(version.what()) + "\n"};
    } catch (const CLI::ExtrasError&) {
        refuse_extras(line);
    } catch (const CLI::RequiredError&) {
        refuse_command(line, arguments);
    } catch (const CLI::ArgumentMismatch& error) {
        refuse_count(line, error);
    } catch (const CLI::ParseError& error) {
        throw Error(ErrorKind::argument, "command line", printable(error.what()));
    }
    const std::string name = line.chosen()->get_name();
    if (name == "train") return finish_train(line);
    if (name == "evaluate") return line.evaluate;
    if (name == "reconstruct") return line.reconstruct;
    if (name == "sample") return line.sample;
    if (name == "manifold") return line.manifold;
    if (name == "encode") return line.encode;
    if (name == "check-gradients") return finish_check(line);
    if (name == "verify-determinism") return line.verify;
    return InfoCommand{};
}

}  // namespace handgrad::mnist_vae
