// mnist_mlp: trains a digit classifier, to show that the layers, losses and optimisers of mnist_vae
// are a framework. The model and its training are in classifier.cpp; here are options and lines.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <sstream>

#include "../../core/io/file.hpp"
#include "../common/console.hpp"
#include "../common/exit_code.hpp"
#include "../common/option_values.hpp"
#include "../common/output.hpp"
#include "classifier.hpp"

namespace {

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::apps::mnist_mlp;

struct Options {
    std::string data;
    std::vector<Index> hidden{512};
    TrainingPlan plan;
    int threads = 0;  // one per processor
    std::string output = "mnist_mlp.safetensors";
};

std::vector<Index> parse_widths(const std::string& where, const std::string& text) {
    std::vector<Index> widths;
    std::stringstream items(text + ",");
    for (std::string item; std::getline(items, item, ',');)
        widths.push_back(Index(parse_integer(where, item, 1, 1 << 16)));
    return widths;
}

std::string parse_path(const std::string& where, const std::string& text) {
    if (text.empty()) throw Error(ErrorKind::argument, where, "bad value", "''", "a path");
    return text;
}

// Whether there is anything to do.
bool parse(int argc, char** argv, Options& options) {
    CLI::App app{
        "Trains a digit classifier on MNIST with hand-written gradients: dense layers with\n"
        "ReLU, softmax cross-entropy, Adam. Prints loss (nats per image) and accuracy of\n"
        "every epoch; the same seed gives the same output and weights everywhere.",
        "mnist_mlp"};
    app.set_version_flag("--version", std::string("mnist_mlp ") + version().text);
    const auto add = [&](const char* name, const char* help, const char* value,
                         std::function<void(const std::string&)> set) {
        app.add_option_function<std::string>(name, std::move(set), help)->option_text(value);
    };
    add("--data", "Folder of the four IDX files; otherwise $HANDGRAD_DATA, data/mnist, the sample",
        "DIR", [&](const std::string& text) { options.data = parse_path("--data", text); });
    add("--hidden", "Widths of the hidden layers", "N[,N...] [512]",
        [&](const std::string& text) { options.hidden = parse_widths("--hidden", text); });
    add("--epochs", "Passes over the training images", "N [10]", [&](const std::string& text) {
        options.plan.epochs = Index(parse_integer("--epochs", text, 1, 1'000'000));
    });
    add("--batch-size", "Images per update", "N [128]", [&](const std::string& text) {
        options.plan.batch_size = Index(parse_integer("--batch-size", text, 1, 1'000'000));
    });
    add("--lr", "Learning rate at the start; it falls to 0 along half a cosine", "X [0.001]",
        [&](const std::string& text) { options.plan.lr = parse_positive("--lr", text); });
    add("--seed", "Of weights and order", "N [0]", [&](const std::string& text) {
        options.plan.seed = parse_integer("--seed", text, 0, UINT64_MAX);
    });
    add("--threads", "0: one per processor", "N [0]", [&](const std::string& text) {
        options.threads = int(parse_integer("--threads", text, 0, 1024));
    });
    add("--output", "Where the weights go; a file there is kept as FILE.prev; -: standard output",
        "FILE [mnist_mlp.safetensors]",
        [&](const std::string& text) { options.output = parse_path("--output", text); });
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        print("Example:\n  mnist_mlp --hidden 512,256 --epochs 10\n\n" + app.help());
        return false;
    } catch (const CLI::CallForVersion& text) {
        print(std::string(text.what()) + "\n");
        return false;
    } catch (const CLI::ParseError& error) {
        throw Error(ErrorKind::argument, "command line", error.what(), "",
                    "what mnist_mlp --help lists");
    }
    return true;
}

std::string format_epoch(const EpochResult& result, Index epochs) {
    char line[128];
    std::snprintf(line, sizeof line, "epoch %2td/%td  loss %.4f  train %.2f %%  test %.2f %%\n",
                  result.epoch, epochs, result.loss, 100 * result.train_accuracy,
                  100 * result.test_accuracy);
    return line;
}

// Whether the file is empty or weights of ours. One that cannot be read is not known to be.
bool is_own(const std::string& path) try {
    InputFile file(path);
    std::string begin(std::size_t(std::min<std::uint64_t>(file.size(), 64)), '\0');
    file.read(std::as_writable_bytes(std::span(begin)));
    return begin.empty() || begins_as_own_safetensors(begin);
} catch (const Error&) {
    return false;
}

// What is kept of the file before takes no other file's place. That file may be made while this
// program trains, so that the name is looked at also where nothing is to be kept yet.
void check_previous(const Output& output) {
    if (!output.is_file()) return;
    const std::string previous = previous_path(output.path());
    if (std::filesystem::exists(previous) && !is_own(previous))
        throw Error(ErrorKind::output, previous, "is not replaced", "a file that is not ours",
                    "nothing of that name, or weights of this program");
}

// Weights are not written over what they are trained on.
void check_not_data(const Output& output) {
    if (!output.is_file() || !std::filesystem::exists(output.path())) return;
    if (output.path().find("-ubyte", output.path().rfind('/') + 1) != std::string::npos)
        throw Error(ErrorKind::argument, "--output", "would be written over a file of data",
                    output.path(), "a file of its own");
}

void run(const Options& options) {
    if (options.threads > 0) set_thread_count(options.threads);
    const Output output(options.output, Links::follow, Previous::keep);
    check_previous(output);
    check_not_data(output);
    // Standard output has the weights alone, if it has them. Without a reader the weights are not
    // lost: they are saved, and the error is told at the end.
    std::optional<Error> failed;
    const auto say = [&](const std::string& text) {
        if (!output.is_file() || failed) return;
        try {
            print(text);
        } catch (const Error& error) {
            failed = error;
        }
    };
    const auto data_option =
        options.data.empty() ? std::nullopt : std::optional<std::string>(options.data);
    const Dataset data = load_dataset(find_data_folder(data_option));
    for (const std::string& warning : data.warnings) warn(warning);
    const IdxImages& images = data.train.images;
    if (options.plan.batch_size > images.count)
        throw Error(ErrorKind::argument, "--batch-size", "more than there are training images",
                    std::to_string(options.plan.batch_size), std::to_string(images.count));

    Classifier model(images.rows * images.cols, options.hidden, options.plan.seed);
    say("data   " + data.name + ", " + std::to_string(images.count) + " + " +
        std::to_string(data.test.images.count) + " images\nmodel  " + model.widths() + ", relu, " +
        std::to_string(model.parameters().parameter_count()) + " parameters\n");
    train(model, data, options.plan,
          [&](const EpochResult& result) { say(format_epoch(result, options.plan.epochs)); });
    output.write(model.serialize());
    say("weights in " + options.output + "\n");
    if (failed) throw *failed;
}

}  // namespace

int main(int argc, char** argv) try {
    reserve_standard_descriptors();
    // A file that grows too large is an error to report, like a full disk.
    std::signal(SIGXFSZ, SIG_IGN);
    std::signal(SIGPIPE, SIG_IGN);
    Options options;
    if (parse(argc, argv, options)) run(options);
    return 0;
} catch (const handgrad::Error& error) {
    print_error(error.what());
    return handgrad::apps::exit_code(error.kind());
} catch (const std::bad_alloc&) {
    print_error("out of memory");
    return 1;
} catch (const std::exception& error) {
    print_error(std::string("internal error: ") + error.what());
    return 1;
}
