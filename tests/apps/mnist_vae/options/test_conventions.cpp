#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "../../../../apps/mnist_vae/options/conventions.hpp"
#include "../../../../apps/mnist_vae/options/options.hpp"
#include "../../../../core/error.hpp"
#include "../../../support/temporary_directory.hpp"
#include "parsing.hpp"

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;

TEST_CASE("conventions: each sets what the published programs have") {
    const TrainOptions keras = train({"--convention", "keras"}).options;
    TrainOptions expected;  // the defaults are the same recipe, but from logits
    expected.recon_loss = ReconLoss::bce_probabilities;
    CHECK(keras == expected);

    const TrainOptions torch = train({"--convention", "torch"}).options;
    expected = {};
    expected.hidden = {400};
    expected.latent = 20;
    expected.epochs = 10;
    expected.adam = AdamForm::torch;
    expected.init = Initializer::torch;
    expected.recon_loss = ReconLoss::bce_clamped_logs;
    expected.reduction = BatchReduction::sum;
    CHECK(torch == expected);

    const TrainOptions flax = train({"--convention", "flax"}).options;
    expected = {};
    expected.hidden = {500};
    expected.latent = 20;
    expected.epochs = 30;
    expected.adam = AdamForm::torch;
    expected.init = Initializer::lecun;
    expected.binarize = Binarization::drawn_once;
    expected.hold_out = 10000;
    CHECK(flax == expected);

    const TrainOptions iwae = train({"--convention", "iwae"}).options;
    expected = {};
    expected.hidden = {200, 200};
    expected.latent = 50;
    expected.activation = Activation::tanh;
    expected.epochs = 3280;
    expected.batch_size = 20;
    expected.lr_schedule = Schedule::iwae;
    expected.adam = AdamForm::iwae;
    expected.output_bias = OutputBias::data;
    expected.objective = ObjectiveKind::iwae;
    expected.reduction = BatchReduction::sum;
    expected.head = Head::log_sigma;
    expected.binarize = Binarization::drawn_anew;
    expected.shuffle = Switch::off;
    expected.hold_out = 400;
    CHECK(iwae == expected);
}

TEST_CASE("conventions: what is given beside one wins, in whatever order") {
    for (const auto& arguments :
         {std::vector<std::string>{"--convention", "iwae", "--latent", "3"},
          std::vector<std::string>{"--latent", "3", "--convention", "iwae"}}) {
        const TrainCommand command = train(arguments);
        CHECK(command.options.latent == 3);
        CHECK(command.options.hidden == std::vector<Index>{200, 200});
        CHECK(command.given.size() == 2);
        const std::string text = describe_convention(command.given, command.options);
        CHECK(contains(text, "iwae, "));
        CHECK(contains(text, "latent 50"));
        CHECK(contains(text, "but, as you say, latent 3"));
    }
    CHECK(describe_convention({}, TrainOptions{}).empty());
    const TrainCommand plain = train({"--convention", "torch"});
    const std::string text = describe_convention(plain.given, plain.options);
    CHECK_FALSE(contains(text, "as you say"));
    for (const auto& [name, value] : settings_of(Convention::torch))
        CHECK(contains(text, name + " " + value));
}

TEST_CASE("conventions: a file may have one, and the command line wins over it") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "c.toml";
    std::ofstream(path) << "convention = \"torch\"\nlatent = 5\n";
    const TrainOptions from_file = train({"--config", path}).options;
    CHECK(from_file.latent == 5);
    CHECK(from_file.hidden == std::vector<Index>{400});
    const TrainOptions typed = train({"--config", path, "--convention", "iwae"}).options;
    CHECK(typed == train({"--convention", "iwae"}).options);
    CHECK(contains(to_toml(typed), "latent = 50\n"));
    CHECK_FALSE(contains(to_toml(typed), "convention"));
}

TEST_CASE("conventions: contradictions are refused") {
    CHECK(
        contains(refusal({"train", "--convention", "pytorch"}), "one of keras, torch, flax, iwae"));
    CHECK(contains(refusal({"train", "--convention", "iwae", "--beta", "2"}), "--beta"));
    CHECK(
        contains(refusal({"train", "--convention", "iwae", "--mistake", "kl-sign"}), "--mistake"));

    const TrainCommand again = train({"--convention", "torch"});
    CHECK(find_contradiction(again.options, again).empty());
    TrainOptions run = again.options;
    run.latent = 3;
    CHECK(find_contradiction(run, again) == "latent");
    run = again.options;
    run.epochs = 3;  // a resumed run may have other epochs
    CHECK(find_contradiction(run, again).empty());
    CHECK(find_contradiction(TrainOptions{}, train({"--likelihood", "gaussian"})) == "recon-loss");
}

TEST_CASE("likelihood: stands for a reconstruction loss, unless it is of that likelihood already") {
    const auto loss = [](std::vector<std::string> arguments) {
        return train(std::move(arguments)).options.recon_loss;
    };
    CHECK(loss({"--likelihood", "bernoulli"}) == ReconLoss::bce);
    CHECK(loss({"--likelihood", "gaussian"}) == ReconLoss::gaussian);
    CHECK(loss({"--likelihood", "continuous-bernoulli"}) == ReconLoss::continuous_bernoulli);
    CHECK(loss({"--convention", "torch", "--likelihood", "bernoulli"}) ==
          ReconLoss::bce_clamped_logs);
    CHECK(loss({"--convention", "torch", "--likelihood", "gaussian"}) == ReconLoss::gaussian);
    CHECK(loss({"--likelihood", "bernoulli", "--recon-loss", "bce-probabilities"}) ==
          ReconLoss::bce_probabilities);
    for (const char* name : {"bce", "mse", "continuous-bernoulli"}) {
        const std::string message =
            refusal({"train", "--likelihood", "gaussian", "--recon-loss", name});
        CHECK(contains(message, "--likelihood: contradicts recon-loss"));
        CHECK(contains(message, name));
    }
    CHECK(contains(refusal({"train", "--likelihood", "normal"}), "one of bernoulli, gaussian"));

    const TemporaryDirectory folder;
    const std::string path = folder.path() / "c.toml";
    std::ofstream(path) << "recon-loss = \"mse\"\n";
    CHECK(loss({"--config", path, "--likelihood", "gaussian"}) == ReconLoss::gaussian);
    std::ofstream(path) << "likelihood = \"gaussian\"\n";
    CHECK(loss({"--config", path, "--recon-loss", "mse"}) == ReconLoss::mse);
    std::ofstream(path) << "likelihood = \"gaussian\"\nrecon-loss = \"mse\"\n";
    CHECK(contains(refusal({"train", "--config", path}), "likelihood"));
}
