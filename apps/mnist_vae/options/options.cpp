// Parsing the command line, and what is said of one that is wrong.
#include "options.hpp"

#include <algorithm>

#include "../../../core/error.hpp"
#include "../../common/option_values.hpp"
#include "command_line.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

// Each belongs to the help of the command that it begins with, and to that of the program.
constexpr const char* kExamples[] = {
    "train                                   784-512-2 for 50 epochs, into runs/",
    "train --hidden 400 --latent 20 --epochs 10 --out runs/wide",
    "train --out runs/wide --resume          go on where it was interrupted",
    "train --convention torch --compare-to torch",
    "evaluate runs/wide",
    "reconstruct runs/wide --image my_digit.png --output mine.png",
    "sample --interpolate 3 7                the newest run under runs/",
    "manifold runs/wide --size 30 --output map.png",
    "encode runs/wide --split train --output latents.npy",
    "export runs/wide --onnx                 encoder.onnx and decoder.onnx",
    "report runs/wide runs/deep --output both.html",
    "check-gradients --hidden 64 --activation tanh --recon-loss mse",
    "check-gradients runs/wide --all         every parameter, on two images",
    "verify-determinism                      about a minute",
    "lesson                                  then open vae-gradients.html",
    "info",
    "completion bash >> ~/.bash_completion",
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
    throw Error(ErrorKind::argument, word, problem, "", "what " + command + " --help lists");
}

// What CLI11 lets pass: "--out=" would take the next argument for its value, "--resume=7" would be
// a flag like "--resume".
void refuse_odd_values(CommandLine& line, const std::vector<std::string>& arguments) {
    const auto is_flag = [&](const std::string& name) {
        for (const CLI::App* command : line.app.get_subcommands(nullptr)) {
            const CLI::Option* option = command->get_option_no_throw(name);
            if (option != nullptr && option->get_items_expected_max() == 0) return true;
        }
        return false;
    };
    for (const std::string& argument : arguments) {
        const std::size_t equals = argument.find('=');
        if (!argument.starts_with("--") || equals == std::string::npos) continue;
        const std::string name = argument.substr(0, equals), value = argument.substr(equals + 1);
        if (value.empty()) throw Error(ErrorKind::argument, name, "no value after the =");
        if (is_flag(name))
            throw Error(ErrorKind::argument, name, "takes no value", "'" + value + "'", "none");
    }
}

// There is no such command among the arguments.
[[noreturn]] void refuse_command(CommandLine& line, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    for (const CLI::App* command : line.app.get_subcommands(nullptr))
        names.push_back(command->get_name());
    if (arguments.empty() || arguments.front().starts_with('-')) {
        std::string list;
        for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
        throw Error(ErrorKind::argument, "mnist_vae", "no command given",
                    arguments.empty() ? "" : "'" + arguments.front() + "' first", "one of " + list);
    }
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
    if (option == nullptr) throw Error(ErrorKind::argument, "command line", message);
    if (option->get_items_expected_max() == 0)
        throw Error(ErrorKind::argument, name, "is given more than once");
    throw Error(ErrorKind::argument, name, "wrong number of values",
                std::to_string(option->count()), std::to_string(option->get_items_expected_max()));
}

}  // namespace

Command parse_command_line(const std::vector<std::string>& arguments) {
    CommandLine line;
    refuse_odd_values(line, arguments);
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
        throw Error(ErrorKind::argument, "command line", error.what());
    }
    return line.results.at(line.chosen()->get_name())();
}

}  // namespace handgrad::apps::mnist_vae
