#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "../../../../apps/common/option_values.hpp"
#include "../../../../apps/mnist_vae/options/options.hpp"
#include "../../../../core/error.hpp"
#include "../../../support/temporary_directory.hpp"
#include "parsing.hpp"

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;

namespace {

// Values that differ from the default, one per option.
const std::pair<const char*, const char*> kOther[] = {{"data", "some/dir"},
                                                      {"mistake", "kl-sign"},
                                                      {"hidden", "200,100"},
                                                      {"latent", "5"},
                                                      {"activation", "tanh"},
                                                      {"epochs", "7"},
                                                      {"batch-size", "64"},
                                                      {"lr", "0.01"},
                                                      {"lr-schedule", "cosine"},
                                                      {"optimizer", "sgd"},
                                                      {"adam", "torch"},
                                                      {"init", "he"},
                                                      {"recon-loss", "mse"},
                                                      {"beta", "0.5"},
                                                      {"clip-norm", "1.5"},
                                                      {"seed", "18446744073709551615"},
                                                      {"threads", "3"},
                                                      {"sparsity", "off"},
                                                      {"fuse", "off"},
                                                      {"checkpoint-every", "10"},
                                                      {"patience", "4"},
                                                      {"shards", "4"},
                                                      {"pixel-variance", "0.25"},
                                                      {"binarize", "dynamic"},
                                                      {"shuffle", "off"},
                                                      {"hold-out", "100"},
                                                      {"output-bias", "data"},
                                                      {"kl-warmup", "5"},
                                                      {"free-bits", "0.125"},
                                                      {"objective", "iwae"},
                                                      {"samples", "7"},
                                                      {"reduction", "sum"},
                                                      {"head", "log-sigma"},
                                                      {"val-z", "mu"}};

}  // namespace

TEST_CASE(
    "options: the defaults are the recipe of the classic dense Keras "
    "autoencoder") {
    const TrainOptions o = train({}).options;
    CHECK(o == TrainOptions{});
    CHECK(o.hidden == std::vector<Index>{512});
    CHECK(o.latent == 2);
    CHECK(o.activation == Activation::relu);
    CHECK(o.epochs == 50);
    CHECK(o.batch_size == 128);
    CHECK(o.lr == 1e-3);
    CHECK(o.init == Initializer::glorot);
    CHECK(o.adam == AdamForm::keras);
    CHECK(o.recon_loss == ReconLoss::bce);
}

TEST_CASE("options: each one arrives, and changes itself alone") {
    CHECK(std::size(kOther) == train_option_descriptions().size());
    for (const auto& [name, value] : kOther) {
        const std::string captured(name);  // clang captures no structured binding
        CAPTURE(captured);
        const TrainCommand command = train({"--" + std::string(name), value});
        CHECK(command.given.size() == 1);
        CHECK(command.given.contains(name));
        for (const OptionDescription& d : train_option_descriptions())
            CHECK(d.get(command.options) == (d.name == name ? value : d.get(TrainOptions{})));
        CHECK_FALSE(command.options == TrainOptions{});
    }
}

TEST_CASE("options: values that are no such thing are refused, naming the option") {
    const char* const not_counts[] = {"nan",
                                      "inf",
                                      "1e999",
                                      "12abc",
                                      "",
                                      "-0",
                                      "-1",
                                      "0x10",
                                      "1.5",
                                      " 1",
                                      "1 ",
                                      "+1",
                                      "99999999999999999999",
                                      "0"};
    for (const char* option : {"--epochs", "--batch-size", "--latent", "--hidden", "--shards"})
        for (const char* value : not_counts) {
            CAPTURE(std::string(value));
            CHECK(contains(refusal({"train", option, value}), option));
        }
    for (const char* option : {"--seed", "--threads", "--patience", "--checkpoint-every"})
        for (const char* value : {"nan", "-0", "-1", "12abc", "", "1e3"})
            CHECK(contains(refusal({"train", option, value}), option));
    for (const char* value :
         {"nan", "inf", "-inf", "1e999", "1e-999", "0", "-0", "-1", "12abc", "", " 1", "0x1p3"})
        CHECK(contains(refusal({"train", "--lr", value}), "--lr"));
    for (const char* option : {"--beta", "--clip-norm"})
        for (const char* value : {"nan", "inf", "1e999", "-0", "-1", "1a", ""})
            CHECK(contains(refusal({"train", option, value}), option));
    for (const char* value : {"200,", ",200", "200,,100", "200 100", "70000"})
        CHECK(contains(refusal({"train", "--hidden", value}), "--hidden"));
    for (const char* option :
         {"--activation", "--lr-schedule", "--optimizer", "--adam", "--init", "--recon-loss"})
        for (const char* value : {"", "RELU", "nonsense"})
            CHECK(contains(refusal({"train", option, value}), "one of"));
}

TEST_CASE("options: of a run, contradictions are a bad file, as its bad values are") {
    CHECK_NOTHROW(parse_run_options("objective = \"iwae\"\n", "run/options.toml"));
    for (const char* text :
         {"objective = \"iwae\"\nbeta = 2\n", "objective = \"iwae\"\nkl-warmup = 2\n",
          "objective = \"iwae\"\nfree-bits = 0.5\n", "free-bits = 0.5\nshards = 2\n",
          "mistake = \"kl-sign\"\nsamples = 2\n"})
        try {
            parse_run_options(text, "run/options.toml");
            FAIL("accepted: " << text);
        } catch (const Error& e) {
            CHECK(e.kind() == ErrorKind::input);
            CHECK(contains(e.what(), "run/options.toml"));
        }
}

TEST_CASE("options: what nobody asked for, twice, or against one another") {
    CHECK(contains(refusal({"train", "--epoch", "3"}), "--epochs"));
    CHECK(contains(refusal({"trian"}), "train"));
    CHECK(contains(refusal({}), "no command"));
    CHECK(!refusal({"train", "--epochs", "3", "--epochs", "4"}).empty());
    CHECK(!refusal({"train", "--epochs"}).empty());
    CHECK(!refusal({"train", "surplus"}).empty());
    CHECK(contains(refusal({"train", "--out", "x", "--resume", "--overwrite"}), "--overwrite"));
    CHECK(contains(refusal({"train", "--resume"}), "--out"));
    CHECK(contains(refusal({"sample", "--interpolate", "1", "x"}), "--interpolate"));
    CHECK(contains(refusal({"manifold", "--size", "0"}), "--size"));
    CHECK(contains(refusal({"evaluate", "--split", "all"}), "--split"));
}

TEST_CASE(
    "options: a refusal names the word that is wrong, and suggests only "
    "what would be right") {
    CHECK(contains(refusal({"trian", "--epochs", "3"}),
                   "trian: no such command; did you mean 'train'"));
    CHECK(contains(refusal({"train", "--sed=4"}), "--sed: no such option; did you mean '--seed'"));
    const std::string of_train = refusal({"sample", "--latent", "3"});
    CHECK(contains(of_train, "--latent: no such option"));
    CHECK_FALSE(contains(of_train, "'--latent'"));
    CHECK(contains(refusal({"--epochs", "3"}), "no command given"));
    CHECK(contains(refusal({"info", "extra"}), "extra: a word too many"));
}

TEST_CASE("options: once, with as many values as they take") {
    CHECK(contains(refusal({"train", "--epochs", "3", "--epochs", "4"}),
                   "--epochs: wrong number of values: found 2, expected 1"));
    CHECK(contains(refusal({"train", "--epochs"}), "--epochs: wrong number of values"));
    CHECK(contains(refusal({"sample", "--interpolate", "1"}), "--interpolate"));
    const auto sample = std::get<SampleCommand>(
        parse_command_line({"sample", "--interpolate", "1", "2", "folder"}));
    CHECK(sample.choice.run == "folder");
    for (const char* flag : {"--resume", "--overwrite", "--quiet"}) {
        CHECK(contains(refusal({"train", "--out", "x", flag, flag}), flag));
        for (const char* value : {"=7", "=false", "=maybe"})
            CHECK(contains(refusal({"train", "--out", "x", std::string(flag) + value}), flag));
    }
}

TEST_CASE("options: an empty path is refused, not taken for the default") {
    for (const char* option : {"--data", "--out", "--config"}) {
        CHECK(contains(refusal({"train", option, ""}), option));
        CHECK(contains(refusal({"train", std::string(option) + "=", "--quiet"}), option));
    }
    CHECK(contains(refusal({"reconstruct", "--image", ""}), "--image"));
    CHECK(contains(refusal({"sample", "--output", ""}), "--output"));
    CHECK(contains(refusal({"evaluate", ""}), "RUN"));
}

TEST_CASE("options: a manifold is no larger than memory and PNG allow") {
    CHECK(std::get<ManifoldCommand>(parse_command_line({"manifold", "--size", "100"})).size == 100);
    CHECK(contains(refusal({"manifold", "--size", "101"}), "1 to 100"));
}

TEST_CASE("options: help begins with examples; version says the version") {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--help"}, {"train", "--help"}, {"encode", "-h"}}) {
        const std::string text = std::get<TextCommand>(parse_command_line(arguments)).text;
        CHECK(text.starts_with("Examples:\n  mnist_vae "));
    }
    for (const char* command :
         {"train", "evaluate", "reconstruct", "sample", "manifold", "encode", "info"}) {
        const std::string text =
            std::get<TextCommand>(parse_command_line({command, "--help"})).text;
        CHECK(text.starts_with("Examples:\n  mnist_vae " + std::string(command)));
    }
    const std::string help = std::get<TextCommand>(parse_command_line({"train", "--help"})).text;
    for (const OptionDescription& d : train_option_descriptions())
        CHECK(contains(help, "--" + d.name));
    CHECK(contains(std::get<TextCommand>(parse_command_line({"--version"})).text, "0."));
}

TEST_CASE("options.toml: every option goes there and back") {
    for (const auto& [name, value] : kOther) {
        const TrainOptions o = train({"--" + std::string(name), value}).options;
        TrainOptions back;
        apply(parse_toml(to_toml(o), "f"), back, "");
        CHECK(back == o);
    }
    TrainOptions strange;
    strange.data = "a \"quoted\" \\ path # no comment";
    TrainOptions back;
    apply(parse_toml(to_toml(strange), "f"), back, "");
    CHECK(back == strange);
}

TEST_CASE(
    "options.toml: what a person may write, and what is refused with "
    "file and line") {
    const auto values = parse_toml(
        "# a comment\n\n  epochs=3 # three\nhidden = [ 200, 100 ]\n"
        "activation = \"tanh\"\r\n",
        "f");
    CHECK(values.at("epochs") == "3");
    CHECK(values.at("hidden") == "200,100");
    CHECK(values.at("activation") == "tanh");
    const auto refused = [](const std::string& text) -> std::string {
        try {
            parse_toml("epochs = 3\n" + text, "f.toml");
        } catch (const Error& e) {
            return e.what();
        }
        return {};
    };
    for (const char* text :
         {"epoch = 3", "epochs = 4", "latent", "latent = ", "latent = 0", "latent = \"2\"",
          "latent = [2]", "hidden = 200", "hidden = \"200\"", "hidden = [20 0]",
          "activation = tanh", "latent = \"2", "latent = 2 3", "activation = \"x\"", "hidden = [1",
          "[table]", "lr = nan", "data = \"a\\x\"", "latent = \"2\" 3"}) {
        CAPTURE(std::string(text));
        CHECK(contains(refused(text), "f.toml, line 2"));
    }
}

TEST_CASE("--config: the file applies first, the command line wins") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "c.toml";
    std::ofstream(path) << "epochs = 3\nlatent = 7\n";
    const TrainCommand command = train({"--config", path, "--latent", "9"});
    CHECK(command.options.epochs == 3);
    CHECK(command.options.latent == 9);
    CHECK(command.given.size() == 2);
    CHECK(contains(refusal({"train", "--config", path, "--latent", "x"}), "--latent"));
    try {
        train({"--config", path + ".missing"});
        FAIL("accepted");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::input);
    }
}

TEST_CASE("--resume: only what was given can contradict the run") {
    TrainOptions run;
    run.latent = 5;
    CHECK(find_contradiction(run, train({})).empty());
    CHECK(find_contradiction(run, train({"--latent", "5"})).empty());
    CHECK(find_contradiction(run, train({"--latent", "6"})) == "latent");
    CHECK(find_contradiction(run, train({"--epochs", "99", "--threads", "1"})).empty());
    CHECK(find_contradiction(run, train({"--seed", "1"})) == "seed");
}

TEST_CASE("names: the closest one, if it is close") {
    CHECK(closest_name("--epoch", {"--epochs", "--beta"}) == "--epochs");
    CHECK(closest_name("evalute", {"evaluate", "encode"}) == "evaluate");
    CHECK(closest_name("xyzzy", {"evaluate", "encode"}).empty());
}
