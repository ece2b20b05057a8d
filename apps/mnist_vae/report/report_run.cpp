#include "report_run.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "../../../core/error.hpp"
#include "../../../core/io/file.hpp"
#include "../../common/console.hpp"
#include "../../common/printable.hpp"
#include "../model/evaluation.hpp"
#include "../page/base64.hpp"
#include "../run/gallery.hpp"
#include "../run/log_csv.hpp"
#include "../run/pictures.hpp"
#include "../run/recipe.hpp"
#include "../run/sample_history.hpp"
#include "quantize.hpp"

namespace handgrad::apps::mnist_vae {

using json = nlohmann::ordered_json;

namespace {

// What bounds the length of a page without weights: 8 runs of all this have room.
constexpr Index kMaxRows = 400;            // of the log
constexpr Index kMaxHistory = 14;          // epochs with samples
constexpr Index kMaxImages = 40;           // test images to look at,
constexpr Index kMaxImagePixels = 32'768;  // with so many pixels in all
constexpr Index kMaxPoints = 2'000;        // of the map
constexpr std::size_t kMaxLatents = 256;
constexpr std::size_t kMaxProfileBytes = 16'384;
// Images to find the KL divergence of each latent with.
constexpr Index kMaxEncoded = 10'000;

json bytes_of(const std::vector<std::uint8_t>& bytes) {
    return base64_of(std::span<const std::uint8_t>(bytes));
}

// --- The files of the run ---

json describe_log(const RunFolder& folder) {
    if (!std::filesystem::exists(folder.log())) return nullptr;
    const std::vector<EpochMetrics> rows = read_log(folder.log());
    if (rows.empty()) return nullptr;
    const Index count = std::ssize(rows), stride = (count + kMaxRows - 1) / kMaxRows;
    json log{{"epochs", count}, {"stride", stride}};
    double seconds = 0, best = HUGE_VAL;
    Index best_epoch = 0;
    for (const EpochMetrics& m : rows) {
        seconds += m.seconds;
        if (m.val_loss < best) {
            best = m.val_loss;
            best_epoch = m.epoch;
        }
    }
    log["seconds"] = seconds;
    log["bestEpoch"] = best_epoch;
    log["bestValLoss"] = best;
    for (Index i = 0; i < count; ++i) {
        if (i % stride != 0 && i != count - 1) continue;
        const EpochMetrics& m = rows[std::size_t(i)];
        log["epoch"].push_back(m.epoch);
        log["loss"].push_back(m.loss);
        log["recon"].push_back(m.recon);
        log["kl"].push_back(m.kl);
        log["valLoss"].push_back(m.val_loss);
        log["valRecon"].push_back(m.val_recon);
        log["valKl"].push_back(m.val_kl);
    }
    return log;
}

json describe_options(const TrainOptions& options) {
    json list = json::array();
    for (const OptionDescription& d : train_option_descriptions())
        list.push_back({d.name, printable(d.get(options)), d.get(TrainOptions{})});
    return list;
}

// The epochs of the history and the last one, which the model itself shows.
json describe_samples(ReportRun& run) {
    const Index count = history_samples(run.model.architecture().pixels());
    if (count == 0) return nullptr;
    std::vector<EpochSamples> history;
    if (std::filesystem::exists(run.folder.sample_history()))
        history =
            read_sample_history(run.folder.sample_history(), run.model.architecture().pixels());
    const Index last = run.origin.epoch;
    std::erase_if(history, [&](const EpochSamples& s) { return s.epoch >= last; });
    history.push_back(draw_history_samples(run.model, run.origin.seed, last));
    if (std::ssize(history) > kMaxHistory)
        std::erase_if(history,
                      [&](const EpochSamples& s) { return s.epoch != last && s.epoch % 3 == 0; });
    if (std::ssize(history) > kMaxHistory)
        history.erase(history.begin() + 1, history.end() - (kMaxHistory - 1));
    json samples{{"count", count}};
    for (const EpochSamples& epoch : history) {
        samples["epochs"].push_back(epoch.epoch);
        samples["pixels"].push_back(bytes_of(epoch.pixels));
    }
    return samples;
}

// The page shows the model, for which neither the profile nor the checkpoint is needed: a fault in
// one of them is a warning, and the page goes without.
template <class Read>
auto read_if_possible(const std::string& file, Read read) -> decltype(read()) {
    if (!std::filesystem::exists(file)) return {};
    try {
        return read();
    } catch (const Error& error) {
        warn(error.what());
        return {};
    }
}

json describe_profile(const RunFolder& folder) {
    return read_if_possible(folder.profile(), [&]() -> json {
        const std::vector<std::byte> bytes = read_file(folder.profile(), 1 << 20);
        std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (text.size() > kMaxProfileBytes) {
            text.resize(kMaxProfileBytes);
            text = text.substr(0, text.rfind('\n') + 1) + "... the rest is in profile.txt\n";
        }
        return printable_lines(text);
    });
}

// That of the data that the run was trained on; empty if no checkpoint tells it.
std::string training_data_hash(const RunFolder& folder) {
    return read_if_possible(folder.checkpoint(),
                            [&] { return std::string(read_data_hash(folder.checkpoint())); });
}

// --- What the model makes of the test images ---

Matrix first_images(const ReportRun& run, Index most) {
    const IdxImages& images = run.dataset.test.images;
    Matrix x(std::min(most, images.count), run.model.architecture().pixels());
    load_images(images, 0, x);
    return x;
}

Index shown_images(const ReportRun& run) {
    return std::min(kMaxImages, kMaxImagePixels / run.model.architecture().pixels());
}

std::vector<std::uint8_t> gray_levels(ConstMatrixView images) {
    std::vector<std::uint8_t> levels;
    for (Index i = 0; i < images.rows; ++i)
        for (Index j = 0; j < images.cols; ++j) levels.push_back(gray_level(images(i, j)));
    return levels;
}

json describe_images(ReportRun& run) {
    if (shown_images(run) == 0) return nullptr;
    const Matrix x = first_images(run, shown_images(run));
    const Matrix mu = copy(run.model.encode(x).mu);
    json images{{"labels", json::array()}, {"pixels", bytes_of(gray_levels(x))}};
    for (Index i = 0; i < x.rows(); ++i)
        images["labels"].push_back(run.dataset.test.labels.labels[std::size_t(i)]);
    images["reconstructions"] = bytes_of(gray_levels(run.model.decode(mu)));
    return images;
}

// mu of the points, in the two latents with the largest KL divergence.
json describe_map(ReportRun& run) {
    const auto [across, up] = most_used_dimensions(run.model, run.dataset.test.images);
    const Matrix x = first_images(run, kMaxPoints);
    const ConstMatrixView mu = run.model.encode(x).mu;
    std::vector<float> points;
    for (Index i = 0; i < mu.rows; ++i) points.insert(points.end(), {mu(i, across), mu(i, up)});
    const auto& labels = run.dataset.test.labels.labels;
    return {{"across", across},
            {"up", up},
            {"points", base64_of(std::span<const float>(points))},
            {"labels", base64_of(std::span(labels).first(std::size_t(mu.rows)))}};
}

// Of each latent, those with the largest KL divergence if there are too many.
json describe_latents(ReportRun& run) {
    const IdxImages& images = run.dataset.test.images;
    LatentLedger ledger(run.model.architecture().latent);
    const Index count = std::min(images.count, kMaxEncoded);
    Matrix x;
    for (Index first = 0; first < count; first += 256) {
        const Index n = std::min<Index>(256, count - first);
        load_images(images, first, x.resize(n, run.model.architecture().pixels()));
        const Vae::Posterior q = run.model.encode(x);
        ledger.add(q.mu, q.logvar);
    }
    const std::vector<LatentStatistics> all = ledger.statistics();
    std::vector<std::size_t> shown(all.size());
    std::iota(shown.begin(), shown.end(), std::size_t{0});
    if (shown.size() > kMaxLatents) {
        std::stable_sort(shown.begin(), shown.end(),
                         [&](std::size_t a, std::size_t b) { return all[a].kl > all[b].kl; });
        shown.resize(kMaxLatents);
        std::sort(shown.begin(), shown.end());
    }
    json latents{{"images", count}, {"all", all.size()}, {"active", count_active(all)}};
    for (std::size_t j : shown) {
        latents["index"].push_back(j);
        latents["kl"].push_back(csv_number(all[j].kl));
        latents["isActive"].push_back(all[j].is_active());
    }
    return latents;
}

// --- The weights ---

struct ParameterPair {
    std::string name;  // "encoder.0", "mu", "decoder.1"
    BlockedView weight, bias;
    bool is_decoder() const { return name.starts_with("decoder."); }
};

std::vector<ParameterPair> parameter_pairs(Vae& model) {
    std::vector<ParameterPair> pairs;
    for (const NamedTensor& t : model.tensors(model.arena().values())) {
        const std::string layer = t.name.substr(0, t.name.rfind('.'));
        if (pairs.empty() || pairs.back().name != layer) pairs.push_back({layer, {}, {}});
        (t.is_weight ? pairs.back().weight : pairs.back().bias) = t.values;
    }
    return pairs;
}

json describe_layer(const QuantizedWeight& weight, ConstBlockedView bias) {
    std::vector<float> b;
    for (Index j = 0; j < bias.cols; ++j) b.push_back(bias(0, j));
    return {{"integers", base64_of(std::span<const std::int8_t>(weight.integers))},
            {"scales", base64_of(std::span<const float>(weight.scales))},
            {"bias", base64_of(std::span<const float>(b))}};
}

// The differences of pixels, in levels of 1/255, between the model and the one in the page, both
// from the same images or, without an encoder in the page, from the same mu.
json describe_rounding(ReportRun& run, Vae& rounded, bool with_encoder) {
    const Matrix x = first_images(run, kMaxImages);
    const Matrix mu = copy(run.model.encode(x).mu);
    const Matrix ours = copy(run.model.decode(mu));
    const Matrix rounded_mu = copy(with_encoder ? rounded.encode(x).mu : mu.view());
    const ConstMatrixView theirs = rounded.decode(rounded_mu);
    double largest = 0, sum = 0;
    for (Index i = 0; i < ours.rows(); ++i)
        for (Index j = 0; j < ours.cols(); ++j) {
            const double difference = 255 * std::abs(double(ours(i, j)) - double(theirs(i, j)));
            largest = std::max(largest, difference);
            sum += difference;
        }
    return {{"images", ours.rows()},
            {"largest", largest},
            {"mean", sum / double(ours.rows() * ours.cols())}};
}

}  // namespace

ReportRun::ReportRun(const ReportInput& input)
    : folder(input.folder),
      dataset(*input.dataset),
      model(read_config_of_weights(input.folder)),
      weights(load_model(input.folder.model(), model)),
      origin(weights.value_or(ModelOrigin{})),
      options(read_options_of(folder, model.architecture(), weights)) {
    check_image_size("report", model.architecture(), dataset.test.images);
}

json describe_run(ReportRun& run, const std::string& name) {
    const Architecture& a = run.model.architecture();
    const TrainOptions defaults;
    const TrainOptions& options = run.options ? *run.options : defaults;
    json description{{"name", name},
                     {"folder", printable(run.folder.path.string())},
                     {"mistake", printable(flag_text_of(run.origin.mistake))},
                     {"epoch", run.origin.epoch},
                     {"klWeight", run.origin.kl_weight},
                     {"widths", a.widths()},
                     {"parameters", run.model.arena().parameter_count()},
                     {"activation", activation_name(a.activation)},
                     {"reconLoss", recon_loss_name(a.recon_loss)},
                     {"rows", a.image_rows},
                     {"columns", a.image_cols},
                     {"latent", a.latent}};
    description["data"] = {{"name", run.dataset.name + describe_binarization(options.binarize)},
                           {"testImages", run.dataset.test.images.count},
                           {"sample", run.dataset.sample},
                           {"hash", printable(training_data_hash(run.folder))}};
    description["options"] = run.options ? describe_options(options) : json(nullptr);
    if (run.options) {
        description["loss"] = describe_loss(options);
        description["optimizer"] = describe_optimizer(options);
    }
    description["log"] = describe_log(run.folder);
    description["samples"] = describe_samples(run);
    description["images"] = describe_images(run);
    description["map"] = describe_map(run);
    description["latents"] = describe_latents(run);
    description["profile"] = describe_profile(run.folder);
    return description;
}

ModelBytes measure_model(const Architecture& a) {
    // Integers, scales and bias in base64, and the JSON around them.
    const auto layer = [](Index in, Index out) {
        const auto base64_bytes = [](Index n) { return std::size_t((n + 2) / 3 * 4); };
        return base64_bytes(in * out) + 2 * base64_bytes(4 * out) + 64;
    };
    ModelBytes bytes{256, 256};
    Index width = a.pixels();
    for (Index hidden : a.hidden) {
        bytes.encoder += layer(width, hidden);
        bytes.decoder += layer(hidden, width);
        width = hidden;
    }
    bytes.encoder += 2 * layer(width, a.latent);
    bytes.decoder += layer(a.latent, width);
    return bytes;
}

json describe_model(ReportRun& run, const ModelParts& parts) {
    const Architecture& a = run.model.architecture();
    json model{{"hidden", activation_name(a.activation)},
               {"output", activation_name(output_activation(a.recon_loss))},
               {"pixel", activation_name(pixel_activation(a.recon_loss))},
               {"pixelVariance", a.pixel_variance},
               {"encoder", nullptr},
               {"mu", nullptr},
               {"logvar", nullptr},
               {"decoder", nullptr}};
    if (!parts.decoder) return model;
    if (parts.encoder) model["encoder"] = json::array();
    model["decoder"] = json::array();
    Vae rounded(a);
    std::copy(run.model.arena().values().begin(), run.model.arena().values().end(),
              rounded.arena().values().begin());
    for (const ParameterPair& pair : parameter_pairs(rounded)) {
        if (!pair.is_decoder() && !parts.encoder) continue;
        const bool is_head = pair.name == "mu" || pair.name == "logvar";
        const QuantizedWeight weight = quantize(pair.weight);
        const json layer = describe_layer(weight, pair.bias);
        if (is_head)
            model[pair.name] = layer;
        else
            model[pair.is_decoder() ? "decoder" : "encoder"].push_back(layer);
        dequantize(weight, pair.weight);
    }
    model["rounding"] = describe_rounding(run, rounded, parts.encoder);
    return model;
}

}  // namespace handgrad::apps::mnist_vae
