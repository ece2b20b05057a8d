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

constexpr const char* kExamples =
    "Examples:\n"
    "  mnist_vae train                                   784-512-2 for 50 epochs, into runs/\n"
    "  mnist_vae train --hidden 400 --latent 20 --epochs 10 --out runs/wide\n"
    "  mnist_vae train --out runs/wide --resume          go on where it was interrupted\n"
    "  mnist_vae evaluate runs/wide\n"
    "  mnist_vae reconstruct runs/wide --image my_digit.png --output mine.png\n"
    "  mnist_vae sample --interpolate 3 7                the newest run under runs/\n"
    "\n";

constexpr std::uint64_t kMaxImages = 10'000;

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

std::string join(const std::string& values, const std::string& standard) {
    return values + (standard.empty() ? "" : " [" + standard + "]");
}

void define_train(CLI::App& app, TrainCommand& command, std::string& config) {
    for (const OptionDescription& d : train_option_descriptions())
        add_parsed(
            app, "--" + d.name, join(d.values, d.get(TrainOptions{})), d.help,
            [&command, name = d.name](const std::string& text) { command.given[name] = text; });
    add_path(app, "--out", "DIR", "Run folder [a new one under runs/]", command.out);
    app.add_flag("--resume", command.resume,
                 "Go on with the run in --out; only --epochs and --threads may change");
    app.add_flag("--overwrite", command.overwrite, "Replace the run in --out");
    app.add_flag("--quiet", command.options.quiet, "Print the summary alone");
    add_path(app, "--config", "FILE",
             "Options from a file such as a run's options.toml; those of "
             "the command line win",
             config);
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

void define_count(CLI::App& app, const std::string& name, const std::string& help, Index& count) {
    add_parsed(app, name, "N [" + std::to_string(count) + "]", help,
               [&count, name](const std::string& text) {
                   count = static_cast<Index>(parse_integer(name, text, 1, kMaxImages));
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
        define_count(*sub, "--size", "Images along each side", manifold.size);

        sub = app.add_subcommand("encode", "mu and logvar of every image with its label, as CSV");
        define_run(*sub, encode.choice, "File [standard output]");
        define_split(*sub, encode.train_split);

        app.add_subcommand("info", "Version, instruction sets, threads and build");
    }

    // Names that something misspelt may have been meant to be: the options of the command that was
    // given, or else the commands.
    std::vector<std::string> known_names() {
        std::vector<std::string> names;
        const auto chosen = app.get_subcommands();
        if (chosen.empty())
            for (CLI::App* s : app.get_subcommands(nullptr)) names.push_back(s->get_name());
        else
            for (const CLI::Option* o : chosen.front()->get_options())
                if (!o->get_lnames().empty()) names.push_back("--" + o->get_lnames().front());
        return names;
    }
};

std::string help_text(const CLI::App& app) {
    const auto chosen = app.get_subcommands();
    return kExamples + (chosen.empty() ? app.help() : chosen.front()->help("mnist_vae"));
}

// What CLI11 lets pass: "--out=" would take the next argument for its value, "--resume=7" would be
// a flag like "--resume".
void refuse_odd_values(const std::vector<std::string>& arguments) {
    for (const std::string& argument : arguments) {
        const std::size_t equals = argument.find('=');
        if (!argument.starts_with("--") || equals == std::string::npos) continue;
        const std::string name = argument.substr(0, equals), value = argument.substr(equals + 1);
        if (value.empty()) throw Error(ErrorKind::argument, name, "no value after the =");
        if (name == "--resume" || name == "--overwrite" || name == "--quiet")
            throw Error(ErrorKind::argument, name, "takes no value", "'" + value + "'", "none");
    }
}

// Words that nobody asked for; the first that looks like an option is the likeliest mistake.
[[noreturn]] void refuse_unknown(CommandLine& line, const std::vector<std::string>& words) {
    const auto option = std::find_if(words.begin(), words.end(),
                                     [](const std::string& w) { return w.starts_with('-'); });
    const std::string word = option == words.end() ? words.front() : *option;
    const std::string close = closest_name(word, line.known_names());
    throw Error(ErrorKind::argument, word, "not understood",
                close.empty() ? "" : "a word close to '" + close + "'", "what --help lists");
}

Command finish_train(CommandLine& line) {
    TrainCommand& command = line.train;
    if (command.resume && command.overwrite)
        throw Error(ErrorKind::argument, "--resume", "contradicts --overwrite");
    if (command.resume && command.out.empty())
        throw Error(ErrorKind::argument, "--resume", "needs --out, the run to go on with");
    const auto typed = command.given;
    if (!line.config.empty()) {
        const std::vector<std::byte> bytes = read_file(line.config, kMaxConfigBytes);
        const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        command.given = parse_toml(text, line.config);
        for (const auto& [name, value] : typed) command.given[name] = value;
        apply(command.given, command.options, "");
    }
    apply(typed, command.options, "--");
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
        return TextCommand{help_text(line.app)};
    } catch (const CLI::CallForVersion& version) {
        return TextCommand{std::string(version.what()) + "\n"};
    } catch (const CLI::ExtrasError&) {
        refuse_unknown(line, line.app.remaining(/*recurse=*/true));
    } catch (const CLI::RequiredError&) {
        if (!arguments.empty()) refuse_unknown(line, arguments);
        throw Error(ErrorKind::argument, "mnist_vae", "no command given", "",
                    "train, evaluate, reconstruct, sample, manifold, encode or info; see --help");
    } catch (const CLI::ParseError& error) {
        throw Error(ErrorKind::argument, "command line", error.what());
    }
    const std::string name = line.app.get_subcommands().front()->get_name();
    if (name == "train") return finish_train(line);
    if (name == "evaluate") return line.evaluate;
    if (name == "reconstruct") return line.reconstruct;
    if (name == "sample") return line.sample;
    if (name == "manifold") return line.manifold;
    if (name == "encode") return line.encode;
    return InfoCommand{};
}

}  // namespace handgrad::mnist_vae
