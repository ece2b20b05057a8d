#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "../../../../apps/mnist_vae/options/options.hpp"
#include "../../../../apps/mnist_vae/run/run_folder.hpp"
#include "../../../../core/error.hpp"
#include "../../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using handgrad::test::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

}  // namespace

TEST_CASE("config.json: every architecture comes back") {
    const TemporaryDirectory folder;
    const RunFolder run{folder.path()};
    for (Activation f :
         {Activation::linear, Activation::relu, Activation::tanh, Activation::sigmoid})
        for (ReconLoss loss : {ReconLoss::bce, ReconLoss::bce_probabilities, ReconLoss::mse,
                               ReconLoss::bce_clamped_logs, ReconLoss::continuous_bernoulli}) {
            const Architecture a{.image_rows = 20,
                                 .image_cols = 30,
                                 .hidden = {400, 1, 77},
                                 .latent = 9,
                                 .activation = f,
                                 .recon_loss = loss};
            write_config(run, a);
            CHECK(read_config(run) == a);
        }
}

TEST_CASE("config.json: each damage is refused with the name of the field") {
    const TemporaryDirectory folder;
    const RunFolder run{folder.path()};
    const std::string good =
        R"({"format_version":1,"model":"dense-vae","image_rows":28,"image_cols":28,)"
        R"("hidden":[512],"latent":2,"activation":"relu","recon_loss":"bce"})";
    write(run.config(), good);
    CHECK(read_config(run) == Architecture{});
    struct Damage {
        const char *from, *to, *field;
    };
    for (const Damage& d :
         {Damage{"\"format_version\":1", "\"format_version\":2", "format_version"},
          {"dense-vae", "gan", "model"},
          {"\"image_rows\":28", "\"image_rows\":-1", "image_rows"},
          {"\"image_rows\":28", "\"image_rows\":2.5", "image_rows"},
          {"\"image_cols\":28", "\"image_cols\":99999999999", "image_cols"},
          {"[512]", "[]", "hidden"},
          {"[512]", "512", "hidden"},
          {"[512]", "[0]", "hidden"},
          {"\"latent\":2", "\"latent\":\"2\"", "latent"},
          {"\"latent\":2,", "", "latent"},
          {"\"latent\":2", "\"latent\":2,\"latent\":3", "latent"},
          {"[512]", "[512,1e1]", "hidden"},
          {"[512]", "[[512]]", "hidden"},
          {"\"bce\"}", "\"bce\"}}", "JSON"},
          {"dense", "\xff", "JSON"},
          {"relu", "gelu", "activation"},
          {"\"bce\"", "null", "recon_loss"},
          {"{\"format", "[\"format", "JSON"}}) {
        std::string bad = good;
        bad.replace(bad.find(d.from), std::string(d.from).size(), d.to);
        write(run.config(), bad);
        CAPTURE(bad);
        try {
            read_config(run);
            FAIL("accepted");
        } catch (const Error& e) {
            CHECK(e.kind() == ErrorKind::input);
            CHECK(std::string(e.what()).find(d.field) != std::string::npos);
            CHECK(std::string(e.what()).find("config.json") != std::string::npos);
        }
    }
    write(run.config(), "");
    CHECK_THROWS_AS(read_config(run), Error);
    fs::remove(run.config());
    CHECK_THROWS_AS(read_config(run), Error);
}

TEST_CASE(
    "config.json: half a million arrays in one another are refused, whatever field they are") {
    const std::string deep = std::string(500'000, '[') + std::string(500'000, ']');
    const std::string rest = R"("model":"dense-vae","image_rows":28,"image_cols":28,)";
    for (const std::string& text : {deep, "{\"format_version\":" + deep + "}",
                                    "{\"format_version\":1,\"model\":" + deep + "}",
                                    "{\"format_version\":1," + rest + "\"hidden\":[" + deep + "]}",
                                    "{\"format_version\":1," + rest +
                                        "\"hidden\":[8],\"latent\":2,\"activation\":" + deep + "}"})
        CHECK_THROWS_AS(parse_config(text, RunFolder{"x"}), Error);
}

TEST_CASE("config.json: a message is short and in ASCII, whatever the file holds") {
    const TemporaryDirectory folder;
    const RunFolder run{folder.path()};
    write(run.config(), R"({"format_version":"\u009b2J\u001b)" + std::string(100'000, 'x') + "\"}");
    try {
        read_config(run);
        FAIL("accepted");
    } catch (const Error& e) {
        const std::string found = std::string(e.what()).substr(run.config().size());
        CHECK(found.size() < 200);
        for (const char c : found) CHECK((' ' <= c && c <= '~'));
    }
    for (const std::string& deep :
         {std::string(1'000'000, '['), "{\"a\":" + std::string(500'000, '[')}) {
        write(run.config(), deep);
        CHECK_THROWS_AS(read_config(run), Error);
    }
}

TEST_CASE("config.json: no memory for weights that model.safetensors does not have") {
    const TemporaryDirectory folder;
    const RunFolder run{folder.path()};
    Architecture a;
    a.hidden = {65536, 65536};
    write_config(run, a);
    CHECK(read_config(run) == a);
    CHECK_THROWS_WITH_AS(read_config_of_weights(run), doctest::Contains("cannot be opened"), Error);
    write(run.model(), std::string(1000, ' '));
    CHECK_THROWS_WITH_AS(read_config_of_weights(run),
                         doctest::Contains("too short for the model: found 1000 bytes"), Error);
    // 784-3-2-3-784: its weights and biases, to the byte.
    a.hidden = {3};
    write_config(run, a);
    const std::size_t floats = 785 * 3 + 2 * (4 * 2) + 3 * 3 + 4 * 784;
    write(run.model(), std::string(4 * floats - 1, ' '));
    CHECK_THROWS_AS(read_config_of_weights(run), Error);
    write(run.model(), std::string(4 * floats, ' '));
    CHECK(read_config_of_weights(run) == a);
}

TEST_CASE("the newest run is the last written") {
    const TemporaryDirectory folder;
    const fs::path first = folder.path() / "first", second = folder.path() / "second";
    fs::create_directories(first);
    fs::create_directories(second);
    CHECK_THROWS_AS(newest_run(folder.path()), Error);
    CHECK_THROWS_AS(newest_run(folder.path() / "missing"), Error);
    const auto now = fs::file_time_type::clock::now();
    for (const auto& [path, age] : {std::pair(first, 10), {second, 20}}) {
        write(RunFolder{path}.model(), "x");
        fs::last_write_time(RunFolder{path}.model(), now - std::chrono::seconds(age));
    }
    CHECK(newest_run(folder.path()) == first);
}

TEST_CASE("contents_of tells a run from nothing and from the files of others") {
    const TemporaryDirectory folder;
    const RunFolder run{folder.path()};
    const auto kind = [&] { return contents_of(run).kind; };
    CHECK(kind() == Contents::nothing);
    write(folder.path() / "notes.txt", "mine");
    write(folder.path() / "lock", "12\n");
    CHECK(kind() == Contents::nothing);
    write(folder.path() / "lock", "a canal's");
    CHECK(kind() == Contents::strangers);
    CHECK(contents_of(run).files == "lock");
    fs::remove(folder.path() / "lock");

    for (const std::string name : RunFolder::names()) {
        write(folder.path() / name, "mine");
        CHECK(kind() == Contents::strangers);
        CHECK(contents_of(run).files == name);
        fs::remove(folder.path() / name);
        fs::create_directory(folder.path() / name);
        CHECK(kind() == Contents::strangers);
        fs::remove(folder.path() / name);
    }

    // config.json of another program.
    write(run.config(), R"({"model_type": "bert", "hidden_size": 768})");
    CHECK(kind() == Contents::strangers);
    write_config(run, Architecture{});
    CHECK(kind() == Contents::run);
    CHECK_FALSE(contents_of(run).has_results);
    write(run.model(), "x");
    CHECK(kind() == Contents::strangers);
    CHECK(contents_of(run).files == "model.safetensors");
    // Weights of another program, which say so.
    write(run.model(), R"(        {"__metadata__":{"format":"pt"}})");
    CHECK(kind() == Contents::strangers);
    write(run.model(), R"(        {"__metadata__":{"sha256":"00)");
    CHECK(kind() == Contents::run);
    CHECK(contents_of(run).has_results);
    write(run.log(), "time,altitude\n1,2\n");
    CHECK(contents_of(run).files == "log.csv");
    // An empty file is nobody's loss, and no sign of a run either.
    write(run.log(), "");
    CHECK(kind() == Contents::run);
    write(run.config(), "");
    CHECK(kind() == Contents::strangers);
    fs::remove(run.log());
    fs::remove(run.config());
    CHECK(kind() == Contents::strangers);
    CHECK(contents_of(run).files == "model.safetensors");

    // Options that could be somebody's own: some of them, comments, none.
    for (const char* text : {"", "# mine\n", "latent = 3\n", "epochs = 5\nlr = 0.01\n"}) {
        write(run.options(), text);
        CHECK(kind() == Contents::strangers);
    }
    const std::string all = to_toml(TrainOptions{});
    for (const std::string& text : {all + "# mine\n", "# mine\n" + all, all + "\n", "\n" + all}) {
        write(run.options(), text);
        CHECK(kind() == Contents::strangers);
        CHECK(contents_of(run).files == "options.toml");
    }
    write(run.options(), all);
    CHECK(kind() == Contents::run);
    // A link is not ours, wherever it leads.
    fs::rename(run.model(), folder.path() / "elsewhere");
    fs::create_symlink("elsewhere", run.model());
    CHECK(kind() == Contents::strangers);
    CHECK(contents_of(run).files == "model.safetensors");
}
