// report.html: what is in the page's data, its length, and texts that stay texts.
// tests/scripts/full/check_pages.sh tries the page itself in a browser.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "../../../../apps/mnist_vae/options/options.hpp"
#include "../../../../apps/mnist_vae/page/base64.hpp"
#include "../../../../apps/mnist_vae/report/quantize.hpp"
#include "../../../../apps/mnist_vae/report/report.hpp"
#include "../../../../apps/mnist_vae/run/checkpoint.hpp"
#include "../../../../core/error.hpp"
#include "../../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::apps::mnist_vae;
using handgrad::test::TemporaryDirectory;
using nlohmann::json;

namespace {

Dataset speckled(Index count, Index rows, Index columns) {
    Dataset dataset;
    dataset.name = "speckles";
    IdxImages& images = dataset.test.images;
    images.count = count;
    images.rows = rows;
    images.cols = columns;
    for (Index e = 0; e < count * rows * columns; ++e)
        images.pixels.push_back(std::uint8_t(e * e * 37 % 256));
    for (Index i = 0; i < count; ++i) dataset.test.labels.labels.push_back(std::uint8_t(i % 10));
    return dataset;
}

RunFolder make_run(const std::filesystem::path& path, const Architecture& architecture,
                   const std::string& mistake = {}) {
    std::filesystem::create_directories(path);
    const RunFolder run{path};
    Vae model(architecture);
    model.initialize(Initializer::glorot, 3);
    write_config(run, architecture, mistake);
    save_model(run.model(), model, {.epoch = 4, .seed = 1, .kl_weight = 0.5, .mistake = mistake});
    return run;
}

// What the page's scripts read.
json data_of(const std::string& html) {
    const std::string begin = "<script type=\"application/json\" id=\"data\">";
    const std::size_t first = html.find(begin) + begin.size();
    return json::parse(html.substr(first, html.find("</script>", first) - first));
}

std::string report(std::initializer_list<RunFolder> runs, const Dataset& dataset) {
    std::vector<ReportInput> inputs;
    for (const RunFolder& run : runs) inputs.push_back({run, &dataset});
    return make_report(inputs);
}

constexpr Index kRows = 4, kColumns = 3;
Architecture small() {
    return {.image_rows = kRows, .image_cols = kColumns, .hidden = {5}, .latent = 2};
}

}  // namespace

TEST_CASE("report: weights are those of the file, rounded row by row") {
    const TemporaryDirectory folder;
    const RunFolder run = make_run(folder.path() / "run", small());
    const json data = data_of(report({run}, speckled(30, kRows, kColumns)));
    const json& page = data["runs"][0]["model"];
    CHECK(page["encoder"].size() == 1);
    CHECK(page["decoder"].size() == 2);
    Vae model(small());
    load_model(run.model(), model);
    const auto tensors = model.tensors(model.arena().values());
    const json* const layers[] = {&page["encoder"][0], &page["mu"], &page["logvar"],
                                  &page["decoder"][0], &page["decoder"][1]};
    REQUIRE(tensors.size() == 10);
    int layer = 0;
    for (std::size_t t = 0; t < tensors.size(); t += 2, ++layer) {
        CAPTURE(tensors[t].name);
        REQUIRE(tensors[t].is_weight);
        const QuantizedWeight q = quantize(tensors[t].values);
        CHECK((*layers[layer])["integers"] == base64_of(std::span<const std::int8_t>(q.integers)));
        CHECK((*layers[layer])["scales"] == base64_of(std::span<const float>(q.scales)));
    }
    // What that does to the pictures is said; 8 bits of small weights do little.
    CHECK(page["rounding"]["images"] == 30);
    CHECK(page["rounding"]["largest"].get<double>() > 0);
    CHECK(page["rounding"]["largest"].get<double>() < 2);
    CHECK(page["rounding"]["mean"] < page["rounding"]["largest"]);
}

TEST_CASE("report: a folder with a model alone is enough") {
    const TemporaryDirectory folder;
    const json run = data_of(report({make_run(folder.path() / "run", small())},
                                    speckled(30, kRows, kColumns)))["runs"][0];
    CHECK(run["name"] == "run");
    CHECK(run["epoch"] == 4);
    CHECK(run["klWeight"] == 0.5);
    CHECK(run["log"].is_null());
    CHECK(run["options"].is_null());
    CHECK(run["profile"].is_null());
    CHECK(run["data"]["hash"] == "");
    CHECK(run["samples"]["epochs"] == json{4});
    CHECK(run["images"]["labels"].size() == 30);
    CHECK(run["latents"]["images"] == 30);
}

TEST_CASE("report: encoders go first, then decoders, the last run's before the first one's") {
    const ModelBytes models[] = {{100, 50}, {100, 50}};
    const auto text = [&](std::size_t room) {
        std::string shown;
        for (const ModelParts& parts : choose_model_parts(models, room))
            shown += std::string(parts.encoder ? "e" : "-") + (parts.decoder ? "d" : "-") + " ";
        return shown;
    };
    CHECK(text(300) == "ed ed ");
    CHECK(text(299) == "ed -d ");
    CHECK(text(200) == "ed -d ");
    CHECK(text(199) == "-d -d ");
    CHECK(text(100) == "-d -d ");
    CHECK(text(99) == "-d -- ");
    CHECK(text(50) == "-d -- ");
    CHECK(text(49) == "-- -- ");
    // A small model does not jump the queue.
    const ModelBytes uneven[] = {{10, 500}, {10, 5}};
    CHECK_FALSE(choose_model_parts(uneven, 100)[1].decoder);
}

TEST_CASE("report: the page has at most 3 MB, whatever the model") {
    const TemporaryDirectory folder;
    const Dataset dataset = speckled(50, 28, 28);
    const auto parts = [&](Index hidden, Index latent) {
        const RunFolder run = make_run(folder.path() / std::to_string(hidden),
                                       {.hidden = {hidden}, .latent = latent});
        const std::string html = report({run}, dataset);
        CHECK(html.size() <= kMaxReportBytes);
        const json model = data_of(html)["runs"][0]["model"];
        return std::string(model["encoder"].is_null() ? "-" : "e") +
               (model["decoder"].is_null() ? "-" : "d");
    };
    CHECK(parts(512, 2) == "ed");
    CHECK(parts(1500, 300) == "-d");
    CHECK(parts(3000, 2) == "--");
}

TEST_CASE("report: as many runs as are allowed, each with the most that it may have") {
    const TemporaryDirectory folder;
    // 32768 pixels are shown of images of 64 x 64, eight of them; two samples of each epoch.
    const Dataset dataset = speckled(2000, 64, 64);
    const RunFolder run = make_run(
        folder.path() / "run", {.image_rows = 64, .image_cols = 64, .hidden = {2}, .latent = 300});
    std::string log =
        "epoch,step,loss,recon,kl,val_loss,val_recon,val_kl,lr,seconds,images_per_s,active_units,"
        "clamped_logvars\n";
    for (int epoch = 1; epoch <= 4000; ++epoch)
        log += std::to_string(epoch) + "," + std::to_string(epoch) +
               ",153.123456,145.123456,15.1234567,103.123456,123.123456,"
               "13.1234567,0.00123456789,1.23456789,12345.6789,2,0\n";
    std::ofstream(run.log()) << log;
    std::string history = "epoch,sample,pixels\n", pixels(2 * 64 * 64, 'a');
    for (int epoch : {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512})
        for (int sample : {0, 1})
            history += std::to_string(epoch) + "," + std::to_string(sample) + "," + pixels + "\n";
    std::ofstream(run.sample_history()) << history;
    std::ofstream(run.profile()) << std::string(16'383, '<') << '\n' << std::string(999, '<');

    std::vector<ReportInput> inputs(kMaxReportRuns, {run, &dataset});
    const std::string html = make_report(inputs);
    CHECK(html.size() <= kMaxReportBytes);
    const json shown = data_of(html)["runs"][7];
    CHECK(shown["log"]["epoch"].size() <= 401);
    CHECK(shown["log"]["epoch"].back() == 4000);
    CHECK(shown["log"]["epochs"] == 4000);
    CHECK(shown["profile"] == std::string(16'383, '<') + "\n... the rest is in profile.txt\n");
    CHECK(shown["latents"]["index"].size() == 256);
    CHECK(shown["latents"]["all"] == 300);

    inputs.push_back(inputs[0]);
    CHECK_THROWS_AS(make_report(inputs), Error);
    CHECK_THROWS_AS(make_report({}), Error);
}

TEST_CASE("report: epochs of the samples end with the model's own") {
    const TemporaryDirectory folder;
    const RunFolder run = make_run(folder.path() / "run", small());
    std::string history = "epoch,sample,pixels\n", pixels(2 * 12, '7');
    for (int epoch : {1, 2, 4, 6})
        for (int sample = 0; sample < 8; ++sample)
            history += std::to_string(epoch) + "," + std::to_string(sample) + "," + pixels + "\n";
    std::ofstream(run.sample_history()) << history;
    const json samples =
        data_of(report({run}, speckled(30, kRows, kColumns)))["runs"][0]["samples"];
    // Epoch 6 is not that of the model: a run that was cut off there.
    CHECK(samples["epochs"] == json{1, 2, 4});
    CHECK(samples["count"] == 8);
    const std::vector<std::uint8_t> grey(96, 0x77);
    CHECK(samples["pixels"][0] == base64_of(std::span<const std::uint8_t>(grey)));
    CHECK(samples["pixels"][2] != samples["pixels"][0]);
}

TEST_CASE("report: several runs, with their names, or their paths where those are the same") {
    const TemporaryDirectory folder;
    const RunFolder a = make_run(folder.path() / "x" / "run", small());
    const RunFolder b = make_run(folder.path() / "y" / "run", small());
    const RunFolder c = make_run(folder.path() / "wide", small(), "kl-sign");
    const json runs = data_of(report({a, b, c}, speckled(30, kRows, kColumns)))["runs"];
    REQUIRE(runs.size() == 3);
    CHECK(runs[0]["name"] == a.path.string());
    CHECK(runs[1]["name"] == b.path.string());
    CHECK(runs[2]["name"] == "wide");
    CHECK(runs[0]["mistake"] == "");
    CHECK(runs[2]["mistake"].get<std::string>().starts_with("MISTAKE kl-sign, made on purpose: "));
}

TEST_CASE("report: whatever folders, mistakes and profiles are called stays text") {
    const TemporaryDirectory folder;
    const std::string hostile = "x</script><script>alert(1)<!--\"'\xff\xe2\x80\xae&amp;";
    const RunFolder run =
        make_run(folder.path() / hostile, small(), "<img src=x onerror=alert(1)>");
    std::ofstream(run.profile()) << "</script><b>\xff\n\xc2\x9b\n";
    const std::string html = report({run}, speckled(30, kRows, kColumns));
    CHECK(html.find("alert(1)<!--") == std::string::npos);
    CHECK(html.find("<img") == std::string::npos);
    const json shown = data_of(html)["runs"][0];
    CHECK(html.find("\xe2\x80\xae") == std::string::npos);
    CHECK(html.find("\\xff\\u202e&amp;amp; - mnist_vae report</title>") != std::string::npos);
    CHECK(shown["name"].get<std::string>().ends_with("\\xff\\u202e&amp;"));
    CHECK(shown["profile"] == "</script><b>\\xff\n\\u009b\n");
    CHECK(shown["mistake"] == "MISTAKE <img src=x onerror=alert(1)>, made on purpose");
    CHECK(shown["folder"].get<std::string>().find("x</script><script>alert(1)<!--\"'") !=
          std::string::npos);
}

TEST_CASE("report: images of another size than the model's are refused") {
    const TemporaryDirectory folder;
    const RunFolder run = make_run(folder.path() / "run", small());
    CHECK_THROWS_AS(report({run}, speckled(30, kRows, kColumns + 1)), Error);
}
