#include "run_folder.hpp"

#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "../../../core/error.hpp"
#include "../../../core/io/atomic_file.hpp"
#include "../../../core/io/file.hpp"
#include "../../../core/io/file_lock.hpp"
#include "../../common/text_encoding.hpp"
#include "../options/options.hpp"
#include "new_run.hpp"
#include "own_files.hpp"

namespace handgrad::apps::mnist_vae {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int kFormatVersion = 1;

[[noreturn]] void refuse(const RunFolder& run, const std::string& field, const std::string& found,
                         const std::string& expected) {
    throw Error(ErrorKind::input, run.config(), "bad field '" + field + "'", found, expected);
}

// A value for a message: of bounded length, and in ASCII. What an array holds is left out: arrays
// in arrays would take a call each.
std::string shown(const json& value) {
    if (value.is_array()) return "an array of " + std::to_string(value.size());
    if (value.is_object()) return "an object";
    const std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true);
    return text.size() > 80 ? text.substr(0, 80) + "..." : text;
}

// Of the weights and biases. Exact up to 2^53, and no overflow.
double float_count(const Architecture& a) {
    std::vector<double> widths = {double(a.image_rows) * double(a.image_cols)};
    widths.insert(widths.end(), a.hidden.begin(), a.hidden.end());
    const auto dense = [](double in, double out) { return (in + 1) * out; };
    double count =
        2 * dense(widths.back(), double(a.latent)) + dense(double(a.latent), widths.back());
    for (std::size_t i = 1; i < widths.size(); ++i)
        count += dense(widths[i - 1], widths[i]) + dense(widths[i], widths[i - 1]);
    return count;
}

const json& field(const RunFolder& run, const json& config, const char* name) {
    const auto entry = config.find(name);
    if (entry == config.end()) refuse(run, name, "nothing", "a value");
    return *entry;
}

Index width(const RunFolder& run, const char* name, const json& value, Index most) {
    if (!value.is_number_integer() || value < 1 || value > most)
        refuse(run, name, shown(value), "an integer from 1 to " + std::to_string(most));
    return value.get<Index>();
}

template <class Enum, std::size_t n>
Enum choice(const RunFolder& run, const char* name, const json& value,
            const char* const (&names)[n]) {
    std::string all;
    for (std::size_t i = 0; i < n; ++i) {
        if (value == names[i]) return static_cast<Enum>(i);
        all += std::string(i == 0 ? "" : ", ") + names[i];
    }
    refuse(run, name, shown(value), "one of " + all);
}

}  // namespace

const char* recon_loss_name(ReconLoss loss) { return kReconLossNames[static_cast<int>(loss)]; }
const char* activation_name(Activation f) { return kActivationNames[static_cast<int>(f)]; }

static constexpr const char* kNames[] = {"options.toml",
                                         "config.json",
                                         "checkpoint.safetensors",
                                         "checkpoint.safetensors.prev",
                                         "model.safetensors",
                                         "best.safetensors",
                                         "log.csv",
                                         "latents.csv",
                                         "samples.csv",
                                         "profile.txt",
                                         "report.html",
                                         "comparison.html",
                                         "reconstructions.png",
                                         "samples.png",
                                         "manifold.png",
                                         "sample.png",
                                         "interpolate.png",
                                         "reconstruct.png",
                                         "encoder.onnx",
                                         "decoder.onnx"};

std::span<const char* const> RunFolder::names() { return kNames; }

std::string RunFolder::file(const char* name) const {
    const fs::path arriving = path / kNewRunFolder / name;
    return is_there(arriving) ? arriving : path / name;
}

static void add_name(std::string& list, const std::string& name) {
    list += (list.empty() ? "" : ", ") + name;
}

// The type of what has a name, which may be a link; none if it cannot be looked at.
static fs::file_type type_of(const fs::path& path) {
    std::error_code ignored;
    return fs::symlink_status(path, ignored).type();
}

// Whether it holds nothing. If that cannot be seen, it does.
static bool has_no_byte(const fs::path& path) {
    std::error_code error;
    return fs::file_size(path, error) == 0 || error;
}

std::string foreign_names(const RunFolder& folder) {
    std::string names;
    for (const char* name : RunFolder::names()) {
        const fs::file_type type = type_of(folder.path / name);
        if (type != fs::file_type::regular && type != fs::file_type::not_found &&
            type != fs::file_type::none)
            add_name(names, name);
    }
    if (!FileLock::is_ours(folder.path)) add_name(names, "lock");
    return names;
}

FolderContents contents_of(const RunFolder& folder) {
    std::string files, strangers = foreign_names(folder);
    bool has_results = false, is_run = false;
    for (const std::string name : RunFolder::names()) {
        const fs::path path = folder.path / name;
        const fs::file_type type = type_of(path);
        if (type == fs::file_type::not_found || type == fs::file_type::none) continue;
        add_name(files, name);
        const bool describes_run = name == "options.toml" || name == "config.json";
        has_results |= !describes_run;
        if (type != fs::file_type::regular) continue;
        if (!is_own_file(path))
            add_name(strangers, name);
        else
            is_run |= describes_run && !has_no_byte(path);
    }
    if (!strangers.empty()) return {Contents::strangers, strangers, has_results};
    if (files.empty()) return {};
    return {is_run ? Contents::run : Contents::strangers, files, has_results};
}

fs::path newest_run(const fs::path& parent) {
    fs::path newest;
    fs::file_time_type time{};
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
        std::error_code missing;
        const auto written = fs::last_write_time(RunFolder{entry.path()}.model(), missing);
        if (!missing && (newest.empty() || written > time)) {
            newest = entry.path();
            time = written;
        }
    }
    if (newest.empty())
        throw Error(ErrorKind::input, parent.string(), "no trained model found", "",
                    "a run folder: train one, or name it");
    return newest;
}

void write_config(const RunFolder& run, const Architecture& a, const std::string& mistake) {
    nlohmann::ordered_json config;
    config["format_version"] = kFormatVersion;
    config["model"] = "dense-vae";
    config["image_rows"] = a.image_rows;
    config["image_cols"] = a.image_cols;
    config["hidden"] = a.hidden;
    config["latent"] = a.latent;
    config["activation"] = activation_name(a.activation);
    config["recon_loss"] = recon_loss_name(a.recon_loss);
    if (a.recon_loss == ReconLoss::gaussian) config["pixel_variance"] = a.pixel_variance;
    if (!mistake.empty()) config["mistake"] = mistake;
    replace_file(run.config(), config.dump(2) + "\n");
}

Architecture read_config(const RunFolder& run) {
    const std::vector<std::byte> bytes = read_file(run.config(), kMaxJsonBytes);
    return parse_config({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, run);
}

Architecture parse_config(const std::string& text, const RunFolder& run) {
    if (const char* encoding = other_encoding(text))
        throw Error(ErrorKind::input, run.config(), "another encoding", encoding, "UTF-8");
    // Of a key that stands twice, the parser would keep the last.
    std::set<std::string> keys;
    const auto check_key = [&](int depth, json::parse_event_t event, json& parsed) {
        if (depth == 1 && event == json::parse_event_t::key &&
            !keys.insert(parsed.get<std::string>()).second)
            refuse(run, shown(parsed), "it twice", "every field once");
        return true;
    };
    const json config = json::parse(text, check_key, /*exceptions=*/false);
    if (!config.is_object()) throw Error(ErrorKind::input, run.config(), "not a JSON object");
    if (field(run, config, "format_version") != kFormatVersion)
        refuse(run, "format_version", shown(config["format_version"]),
               std::to_string(kFormatVersion));
    if (field(run, config, "model") != "dense-vae")
        refuse(run, "model", shown(config["model"]), "\"dense-vae\"");

    Architecture a;
    a.image_rows = width(run, "image_rows", field(run, config, "image_rows"), kMaxImageSide);
    a.image_cols = width(run, "image_cols", field(run, config, "image_cols"), kMaxImageSide);
    const json& hidden = field(run, config, "hidden");
    if (!hidden.is_array() || hidden.empty() || Index(hidden.size()) > kMaxHiddenLayers)
        refuse(run, "hidden", shown(hidden),
               "an array of 1 to " + std::to_string(kMaxHiddenLayers) + " widths");
    a.hidden.clear();
    for (const json& h : hidden) a.hidden.push_back(width(run, "hidden", h, kMaxHiddenWidth));
    a.latent = width(run, "latent", field(run, config, "latent"), kMaxLatent);
    a.activation =
        choice<Activation>(run, "activation", field(run, config, "activation"), kActivationNames);
    a.recon_loss =
        choice<ReconLoss>(run, "recon_loss", field(run, config, "recon_loss"), kReconLossNames);
    if (a.recon_loss == ReconLoss::gaussian) {
        const json& variance = field(run, config, "pixel_variance");
        const bool valid = variance.is_number() && variance.get<double>() > 0 &&
                           variance.get<double>() <= double(std::numeric_limits<float>::max());
        if (!valid) refuse(run, "pixel_variance", shown(variance), "a number above 0, at most 3.4e38");
        a.pixel_variance = variance.get<double>();
    }
    return a;
}

Architecture read_config_of_weights(const RunFolder& run) {
    const Architecture architecture = read_config(run);
    const std::uint64_t bytes = regular_file_size(run.model());
    const double needed = float_count(architecture) * sizeof(float);
    if (double(bytes) < needed) {
        char text[64];
        std::snprintf(text, sizeof text, "at least %.0f, as config.json says", needed);
        throw Error(ErrorKind::input, run.model(), "too short for the model",
                    std::to_string(bytes) + " bytes", text);
    }
    return architecture;
}

}  // namespace handgrad::apps::mnist_vae
