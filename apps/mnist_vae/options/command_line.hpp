// The commands and their options, as CLI11 is told of them. Every value is taken as text and
// checked by our own parsers, which are stricter than CLI11's.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

#include "../completion/completion.hpp"
#include "options.hpp"

namespace handgrad::apps::mnist_vae {

struct CommandLine {
    CommandLine();

    // The command that was chosen; null if there is none.
    CLI::App* chosen() const {
        const auto commands = app.get_subcommands();
        return commands.empty() ? nullptr : commands.front();
    }

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
    ExportCommand exported;
    ReportCommand report;
    CheckGradientsCommand check;
    VerifyCommand verify;
    Shell shell = Shell::bash;  // of completion
    LessonCommand lesson;
    std::string config;
    // What a command stands for, once its options are parsed, by its name.
    std::map<std::string, std::function<Command()>> results;
};

}  // namespace handgrad::apps::mnist_vae
