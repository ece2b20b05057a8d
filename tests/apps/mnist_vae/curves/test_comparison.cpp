#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <set>
#include <string>

#include "../../../../apps/mnist_vae/curves/comparison.hpp"
#include "../../../../apps/mnist_vae/options/conventions.hpp"
#include "../../../../core/error.hpp"
#include "../../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::apps::mnist_vae;
using handgrad::test::TemporaryDirectory;

namespace {

const std::string kHead =
    "# a comment\ntitle = A curve\nsource = nowhere\nfamily = grey\nband = a guess\n"
    "hidden = 512\nlatent = 2\nrecon-loss = bce\nval-z = sampled\n";
const std::string kText = kHead + "batch-size = 128\nepoch val_loss band\n1 170.5 2\n3 160 1\n";

std::string refusal(const std::string& text) {
    try {
        parse_curve(text, "c.txt");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::input);
        CHECK(std::string(e.what()).find('\n') == std::string::npos);
        return e.what();
    }
    return {};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// One image of two pixels on each side, so dark.
Dataset data_of(std::uint8_t pixel, const std::string& name = "unverified IDX data") {
    Dataset dataset;
    dataset.name = name;
    for (Split* split : {&dataset.train, &dataset.test})
        split->images = {1, 1, 2, {pixel, 255}, ""};
    return dataset;
}

TrainOptions options(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), "train");
    return std::get<TrainCommand>(parse_command_line(arguments)).options;
}

// Why they cannot be compared; empty if they can.
std::string refused(const std::string& curve, const TrainOptions& o,
                    const Dataset& data = data_of(7)) {
    try {
        const Comparison comparison(parse_curve(curve, "c.txt"), o, data);
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::argument);
        return e.what();
    }
    return {};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("curve: what a file says arrives") {
    const Curve curve =
        parse_curve(kHead +
                        "data = MNIST\nlr = 1e-3\r\n\nepoch val_loss band val_recon val_kl\n"
                        "2  -1.5 0.25 -3 1.5\n# a comment\n10 -2 0.5 -4 2\n",
                    "c.txt");
    CHECK(curve.name == "c.txt");
    CHECK(curve.title == "A curve");
    CHECK(curve.source == "nowhere");
    CHECK(curve.band == "a guess");
    CHECK(curve.data == "MNIST");
    CHECK(curve.family == CurveFamily::grey);
    CHECK(curve.facts.at("hidden") == "512");
    CHECK(curve.facts.at("lr") == "0.001");
    REQUIRE(curve.points.size() == 2);
    CHECK(curve.points[0].epoch == 2);
    CHECK(curve.points[0].val_loss == -1.5);
    CHECK(curve.points[0].band == 0.25);
    CHECK(curve.points[0].recon == -3);
    CHECK(curve.points[1].kl == 2);
    CHECK_FALSE(parse_curve(kText, "c.txt").points[0].recon.has_value());
    // As an editor of Windows leaves it.
    std::string windows = "\xEF\xBB\xBF";
    for (const char c : std::string(kText)) windows += c == '\n' ? "\r\n" : std::string(1, c);
    CHECK(parse_curve(windows, "c.txt").title == parse_curve(kText, "c.txt").title);
    CHECK(parse_curve(windows, "c.txt").points.size() == 2);
}

TEST_CASE("curve: what is wrong is refused with file and line") {
    const struct {
        const char* line;
        const char* word;
    } lines[] = {
        {"nonsense", "not a setting"},
        {"title = again", "twice"},
        {"latent = 2", "twice"},
        {"latent = x", "integer"},
        {"batch-size = 0", "integer"},
        {"optimizer = rmsprop", "one of"},
        {"threads = 2", "unknown key"},
        {"binarize = static", "unknown key"},
        {"likelihood = x", "unknown key"},
        {"beta = nan", "number"},
        {"title =  \x1b[31m", "printable"},
        {"lr=3", "not a setting"},
    };
    for (const auto& [line, word] : lines) {
        const std::string captured = line;
        CAPTURE(captured);
        const std::string message = refusal(kHead + line + "\n");
        CHECK(contains(message, "c.txt, line 10"));
        CHECK(contains(message, word));
    }
    CHECK(contains(refusal(replaced(kText, "family = grey", "family = gray")), "line 4"));
    for (const char* row : {"1 2", "1 2 3 4", "0 170 2", "1 nan 2", "1 inf 2", "1 170 0",
                            "1 170 -1", "x 170 2", "1.5 170 2", "1 170 2x", "1e9 170 2"}) {
        const std::string captured = row;
        CAPTURE(captured);
        CHECK(contains(refusal(kHead + "epoch val_loss band\n" + row + "\n"), "c.txt, line 11"));
    }
    const std::string table = "epoch val_loss band\n2 170 2\n";
    CHECK(contains(refusal(kHead + table + "2 170 2\n"), "ascending"));
    CHECK(contains(refusal(kHead + table + "1 170 2\n"), "line 12"));
    CHECK(contains(refusal(kHead + "epoch val_loss band\n"), "no values"));
    CHECK(contains(refusal(kHead), "no values"));
    for (const char* key :
         {"title = A curve\n", "source = nowhere\n", "family = grey\n", "band = a guess\n",
          "hidden = 512\n", "latent = 2\n", "recon-loss = bce\n", "val-z = sampled\n"})
        CHECK(contains(refusal(replaced(kText, key, "")), "a key is missing"));
    CHECK(contains(refusal(""), "a key is missing"));
    CHECK(contains(refusal(std::string("\xFF\xFEt\0i\0", 6)), "found a UTF-16 text"));
}

TEST_CASE("curve: those that ship can be read, found by name, and are of known families") {
    const std::vector<Curve> curves = shipped_curves();
    std::set<std::string> names;
    for (const Curve& curve : curves) names.insert(curve.name);
    CHECK(names.size() == curves.size());
    for (const char* name : {"keras", "torch", "flax", "flax-static"}) {
        CHECK(names.contains(name));
        const Curve curve = load_curve(name);
        CHECK(curve.name == name);
        CHECK(contains(list_curves(), std::string(name) + " "));
    }
    CHECK(load_curve("flax").family == CurveFamily::fixed);
    CHECK(load_curve("flax-static").family == CurveFamily::once);
    try {
        load_curve("kears");
        FAIL("accepted");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::argument);
        CHECK(contains(e.what(), "keras, "));
    }
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "mine.txt";
    std::ofstream(path) << kText;
    CHECK(load_curve(path).title == "A curve");
    try {
        load_curve(path + ".missing");
        FAIL("accepted");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::input);
    }
}

TEST_CASE("comparison: refused across families, data and models; the recipe is noted") {
    CHECK(refused(kText, options()).empty());
    // The forms of the cross-entropy measure the same.
    CHECK(refused(kText, options({"--recon-loss", "bce-probabilities"})).empty());
    CHECK(refused(kText, options({"--recon-loss", "bce-clamped-logs"})).empty());
    const std::vector<std::vector<std::string>> others = {
        {"--hidden", "512,512"},      {"--latent", "3"}, {"--recon-loss", "mse"},
        {"--recon-loss", "gaussian"}, {"--val-z", "mu"}, {"--beta", "0.5"}};
    for (const std::vector<std::string>& other : others) {
        CAPTURE(other[0]);
        const std::string message = refused(kText, options(other));
        CHECK(contains(message, "another " + other[0]));
        CHECK(contains(message, other[1]));
    }
    CHECK(refused(kText, options({"--activation", "tanh"})).empty());  // it does not say
    CHECK(contains(refused(replaced(kText, "latent", "activation = relu\nlatent"),
                           options({"--activation", "tanh"})),
                   "another --activation"));

    // Every family with every other.
    const std::pair<const char*, TrainOptions> runs[] = {
        {"grey", options()},
        {"dynamic", options({"--binarize", "dynamic"})},
        {"static", options({"--binarize", "static"})},
        {"threshold", options({"--binarize", "threshold"})},
    };
    for (const auto& [ours, o] : runs)
        for (const char* theirs : kFamilyNames) {
            const std::string curve =
                replaced(kText, "family = grey", std::string("family = ") + theirs);
            const std::string message = refused(curve, o);
            CHECK(message.empty() == (std::string(ours) == theirs));
            if (!message.empty()) CHECK(contains(message, "another family"));
        }
    // Files that are black and white are taken for the literature's, with a note.
    const std::string fixed = replaced(kText, "grey", "fixed");
    CHECK(refused(fixed, options(), data_of(0)).empty());
    CHECK(contains(refused(kText, options(), data_of(0)), "another family"));
    CHECK(contains(Comparison(parse_curve(fixed, "c"), options(), data_of(0)).describe(),
                   "taken for those of the literature"));

    const std::string mnist = "data = MNIST\n" + kText;
    CHECK(contains(refused(mnist, options()), "other data"));
    CHECK(refused(mnist, options(), data_of(7, "MNIST (verified)")).empty());
    CHECK(
        contains(refused(mnist, options(), data_of(7, "Fashion-MNIST (verified)")), "other data"));

    const std::string notes =
        Comparison(parse_curve(kText, "c"), options({"--batch-size", "64", "--mistake", "kl-sign"}),
                   data_of(7))
            .describe();
    CHECK(contains(notes, "batch-size is 64, was 128"));
    CHECK(contains(notes, "mistake on purpose"));
    CHECK_FALSE(
        contains(Comparison(parse_curve(kText, "c"), options(), data_of(7)).describe(), "note"));
}

TEST_CASE("comparison: verdict of an epoch, and of the run") {
    const Comparison comparison(parse_curve(kText, "c"), options(), data_of(7));
    const auto row = [](Index epoch, double loss) {
        EpochMetrics metrics;
        metrics.epoch = epoch;
        metrics.val_loss = loss;
        return metrics;
    };
    CHECK(comparison.verdict(row(1, 171.25)) ==
          "published 170.50, ours 0.75 above: within the band of 2");
    CHECK(comparison.verdict(row(1, 168.5)) ==
          "published 170.50, ours 2.00 below: within the band of 2");
    CHECK(comparison.verdict(row(1, 168.25)) ==
          "published 170.50, ours 2.25 below: OUTSIDE the band of 2");
    CHECK(comparison.verdict(row(3, 161.5)) ==
          "published 160.00, ours 1.50 above: OUTSIDE the band of 1");
    CHECK(contains(comparison.verdict(row(3, NAN)), "OUTSIDE"));
    CHECK(comparison.verdict(row(2, 170)).empty());

    const EpochMetrics rows[] = {row(1, 170), row(2, 165), row(3, 162), row(4, 160)};
    CHECK(comparison.summarize(rows) ==
          "compared with c: 1 of 2 epochs within the band; epoch 3: val_loss 162.00, published "
          "160.00, ours 2.00 above: OUTSIDE the band of 1");
    CHECK(contains(comparison.summarize({}), "nothing yet, its first epoch is 1"));

    const Comparison parts(
        parse_curve(kHead + "epoch val_loss band val_recon val_kl\n1 170 2 164 6\n", "c"),
        options(), data_of(7));
    EpochMetrics metrics = row(1, 171);
    metrics.val_recon = 165.5;
    metrics.val_kl = 5.5;
    CHECK(contains(parts.verdict(metrics), "(recon 1.50 above, kl 0.50 below)"));
}
