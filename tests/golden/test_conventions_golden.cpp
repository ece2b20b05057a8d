// Each --convention does what its framework does: the program's own path, from the command line to
// the trainer, gives the losses that Keras, PyTorch, Flax and JAX computed (make_conventions.py),
// and its first weights are spread as theirs.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../../apps/mnist_vae/options/conventions.hpp"
#include "../../apps/mnist_vae/options/options.hpp"
#include "../../apps/mnist_vae/run/recipe.hpp"
#include "../../apps/mnist_vae/training/trainer.hpp"

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::apps::mnist_vae;

namespace {

nlohmann::json read_traces() {
    std::ifstream file(HANDGRAD_SOURCE_DIR "/tests/golden/conventions.json");
    return nlohmann::json::parse(file);
}

// What the command line makes of a convention, with the data set and the arguments of its trace.
TrainOptions options_of(const std::string& convention, const nlohmann::json& trace,
                        const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"train",
                                          "--convention",
                                          convention,
                                          "--data",
                                          HANDGRAD_SOURCE_DIR "/apps/mnist_vae/sample",
                                          "--seed",
                                          "7"};
    for (const std::string argument : trace.at("arguments")) arguments.push_back(argument);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return std::get<TrainCommand>(parse_command_line(arguments)).options;
}

// The losses of the first batches, per image, as `mnist_vae train` goes through them.
std::vector<double> train(const TrainOptions& options, std::size_t steps) {
    const Dataset dataset = load_training_data(options);
    Vae model(architecture_of(options, dataset.train.images));
    initialize(model, options, dataset.train.images);
    const auto optimizer = make_optimizer(options, model.arena());
    Trainer trainer(model, *optimizer, plan_of(options), dataset.train.images,
                    validation_split(dataset).images);
    std::vector<double> losses;
    double sum = 0;  // over the images of the epoch
    Index images = 0;
    TrainerEvents events;
    events.batch_done = [&](const BatchProgress& progress) {
        const Index done =
            std::min(progress.batch * options.batch_size, dataset.train.images.count);
        if (progress.batch == 1) sum = images = 0;
        losses.push_back((progress.loss * double(done) - sum) / double(done - images));
        sum = progress.loss * double(done);
        images = done;
    };
    events.interrupted = [&] { return losses.size() >= steps; };
    trainer.run(events);
    return losses;
}

double worst_difference(const std::vector<double>& ours, const std::vector<double>& theirs) {
    REQUIRE(ours.size() == theirs.size());
    double worst = 0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
        const double difference = std::abs(ours[i] - theirs[i]) / std::abs(theirs[i]);
        if (!(difference <= worst)) worst = difference;
    }
    return worst;
}

struct Spread {
    double count = 0, largest = 0, squares = 0;
    double deviation() const { return std::sqrt(squares / count); }
};

}  // namespace

TEST_CASE("conventions: 30 losses agree with the framework's to 1e-6 relative") {
    const nlohmann::json traces = read_traces();
    REQUIRE(traces.size() == std::size(kConventionNames));
    for (const std::string name : kConventionNames) {
        CAPTURE(name);
        const auto& trace = traces.at(name);
        const std::vector<double> theirs = trace.at("losses");
        REQUIRE(theirs.size() == 30);
        CHECK(worst_difference(train(options_of(name, trace), 30), theirs) <= 1e-6);
    }
}

TEST_CASE("conventions: a trace tells what the convention set from what it did not") {
    // With any of these changed, the losses of the first steps are others. Of what is not listed,
    // the forms of the cross-entropy and the sum over the batch differ where nothing is clipped
    // and gradients are far above epsilon by roundings alone.
    const std::vector<std::pair<std::string, std::vector<std::string>>> changes = {
        {"keras", {"--init", "torch"}},      {"keras", {"--adam", "torch"}},
        {"keras", {"--shuffle", "off"}},     {"keras", {"--reduction", "sum"}},
        {"torch", {"--init", "glorot"}},     {"torch", {"--adam", "keras"}},
        {"torch", {"--binarize", "static"}}, {"torch", {"--reduction", "mean"}},
        {"flax", {"--init", "glorot"}},      {"flax", {"--adam", "keras"}},
        {"flax", {"--binarize", "none"}},    {"flax", {"--binarize", "dynamic"}},
        {"flax", {"--reduction", "sum"}},    {"iwae", {"--binarize", "static"}},
        {"iwae", {"--adam", "keras"}},       {"iwae", {"--lr-schedule", "constant"}},
        {"iwae", {"--head", "logvar"}},      {"iwae", {"--output-bias", "zero"}},
        {"iwae", {"--reduction", "mean"}},   {"iwae", {"--objective", "vae"}},
        {"iwae", {"--samples", "2"}},        {"iwae", {"--activation", "relu"}},
        {"iwae", {"--shuffle", "on"}},       {"iwae", {"--batch-size", "21"}},
    };
    const nlohmann::json traces = read_traces();
    for (const auto& [convention, change] : changes) {
        const std::string name = convention, option = change[0], value = change[1];
        CAPTURE(name);
        CAPTURE(option);
        CAPTURE(value);
        const auto& trace = traces.at(name);
        const TrainOptions options = options_of(name, trace, change);
        std::vector<double> ours = train(options, 30);
        CHECK(worst_difference(ours, trace.at("losses")) > 3e-6);
    }
}

TEST_CASE("conventions: the first weights are spread as the framework's") {
    const nlohmann::json traces = read_traces();
    for (const std::string name : kConventionNames) {
        const TrainOptions options = options_of(name, traces.at(name));
        const Dataset dataset = load_training_data(options);
        Vae model(architecture_of(options, dataset.train.images));
        std::map<std::string, Spread> spreads;
        constexpr std::uint64_t kSeeds = 5;
        for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
            TrainOptions seeded = options;
            seeded.seed = seed;
            initialize(model, seeded, dataset.train.images);
            for (const NamedTensor& tensor : model.tensors(model.arena().values())) {
                Spread& spread = spreads[tensor.name];
                for (Index i = 0; i < tensor.values.rows; ++i)
                    for (Index j = 0; j < tensor.values.cols; ++j) {
                        const double value = double(tensor.values(i, j));
                        spread.largest = std::max(spread.largest, std::abs(value));
                        spread.squares += value * value;
                        ++spread.count;
                    }
            }
        }
        for (const auto& [key, theirs] : traces.at(name).at("initial").items()) {
            const std::string tensor = key;
            CAPTURE(name);
            CAPTURE(tensor);
            REQUIRE(spreads.contains(tensor));
            const Spread& ours = spreads[tensor];
            const double largest = theirs.at("largest"), deviation = theirs.at("deviation");
            const double count = theirs.at("count");
            if (largest == 0) {
                CHECK(ours.largest == 0);
                continue;
            }
            // Of n numbers up to a, none lies above a (1 - t) with a probability of exp(-n p t),
            // where p = 1 is the density at the end of a uniform distribution and 0.22 that of a
            // normal one cut off at two deviations: with n t = 100, less than 1e-9.
            CHECK(std::abs(ours.largest - largest) <=
                  100 / std::min(ours.count, count) * std::max(largest, ours.largest));
            // The deviation of n numbers has a relative standard error of at most 1 / sqrt(2 n),
            // which that of normal ones is; six of both.
            CHECK(std::abs(ours.deviation() / deviation - 1) <=
                  6 * std::sqrt(0.5 / ours.count + 0.5 / count));
        }
    }
}
