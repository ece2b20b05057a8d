#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "../../../../apps/mnist_vae/run/sample_history.hpp"
#include "../../../../core/error.hpp"
#include "../../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using handgrad::test::TemporaryDirectory;

namespace {

std::string read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

Vae small_model() { return Vae({.image_rows = 3, .image_cols = 2, .hidden = {4}, .latent = 2}); }

std::vector<Index> epochs_of(const std::vector<EpochSamples>& history) {
    std::vector<Index> epochs;
    for (const EpochSamples& e : history) epochs.push_back(e.epoch);
    return epochs;
}

}  // namespace

TEST_CASE("sample history: many early epochs, few late ones") {
    std::vector<Index> kept;
    for (Index epoch = -1; epoch <= 100; ++epoch)
        if (is_kept_in_history(epoch)) kept.push_back(epoch);
    CHECK(kept == std::vector<Index>{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96});
}

TEST_CASE("sample history: fewer samples of large images, so that the file stays small") {
    CHECK(history_samples(1) == 8);
    CHECK(history_samples(784) == 8);
    CHECK(history_samples(4096) == 2);
    CHECK(history_samples(8192) == 1);
    CHECK(history_samples(8193) == 0);
}

TEST_CASE("sample history: what is written is read, and resuming gives the same file") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "samples.csv";
    Vae model({.image_rows = 3, .image_cols = 2, .hidden = {4}, .latent = 2});
    model.initialize(Initializer::glorot, 7);
    const auto train_to = [&](SampleHistory& history, Index from, Index to) {
        for (Index epoch = from; epoch <= to; ++epoch) {
            model.arena().values()[0] = float(epoch);
            history.append(model, 5, epoch);
        }
    };
    SampleHistory history(path, 6, 0);
    history.begin();
    train_to(history, 1, 7);
    const std::string whole = read(path);
    const auto rows = read_sample_history(path, 6);
    CHECK(epochs_of(rows) == std::vector<Index>{1, 2, 3, 4, 6});
    model.arena().values()[0] = 6;
    CHECK(rows.back().pixels == draw_history_samples(model, 5, 6).pixels);
    CHECK(rows.back().pixels.size() == 48);
    // Other seeds give other samples.
    CHECK(rows.back().pixels != draw_history_samples(model, 6, 6).pixels);

    SampleHistory resumed(path, 6, 2);
    resumed.begin();
    CHECK(epochs_of(read_sample_history(path, 6)) == std::vector<Index>{1, 2});
    train_to(resumed, 3, 7);
    CHECK(read(path) == whole);
}

TEST_CASE("sample history: a mistake is in every row") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "samples.csv";
    Vae model = small_model();
    {
        SampleHistory one(path, 6, 0, "kl-sign");
        one.append(model, 5, 1);
        one.begin();
    }
    CHECK(read(path).find("epoch,sample,pixels,mistake\n1,0,") == 0);
    CHECK(read(path).find(",kl-sign\n1,1,") != std::string::npos);
    CHECK(read_sample_history(path, 6).size() == 1);
}

TEST_CASE("sample history: what was not written so is refused, with its line") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "samples.csv";
    Vae model = small_model();
    {
        SampleHistory one(path, 6, 0);
        one.append(model, 5, 1);
        one.begin();
    }
    const std::string good = read(path);
    const auto refused = [&](const std::string& text, const std::string& line) {
        std::ofstream(path) << text;
        try {
            read_sample_history(path, 6);
            return false;
        } catch (const Error& error) {
            return error.kind() == ErrorKind::input &&
                   error.where().find(", line " + line) != std::string::npos;
        }
    };
    const std::string pixels = "808080808080";
    const std::string header = "epoch,sample,pixels\n";
    CHECK(refused("epoch,pixels\n", "1"));
    CHECK(refused(header + "1,1," + pixels + "\n", "2"));    // not the first sample
    CHECK(refused(header + "5,0," + pixels + "\n", "2"));    // no such epoch
    CHECK(refused(header + "1,0," + pixels + "80\n", "2"));  // too long
    CHECK(refused(header + "1,0,80808080808\n", "2"));       // too short
    CHECK(refused(header + "1,0,80808080808g\n", "2"));      // no digits
    CHECK(refused(header + "1,0,80808080 -1\n", "2"));
    CHECK(refused(header + "1\n", "2"));
    CHECK(refused(header + "\n", "2"));
    CHECK(refused(header + "4611686018427387904,0," + pixels + "\n", "2"));  // 2^62
    CHECK(refused(header + std::string(1 << 16, '8'), "2"));
    CHECK(refused(good + good.substr(header.size()), "10"));  // an epoch twice
    CHECK(refused(header + "2,0," + pixels + "\n1,1," + pixels + "\n", "3"));
    // Rows of an epoch that are not all there are what a process leaves that dies.
    std::ofstream(path) << good + "2,0," + pixels + "\n2,1,80";
    CHECK(epochs_of(read_sample_history(path, 6)) == std::vector<Index>{1});
}
