#include "checkpoint.hpp"

#include <charconv>
#include <filesystem>
#include <limits>

#include "../../../core/error.hpp"
#include "../../../core/io/atomic_file.hpp"
#include "../../../core/io/file.hpp"
#include "../../../core/io/safetensors.hpp"
#include "../../common/option_values.hpp"
#include "../options/options.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

constexpr const char* kModelFormat = "handgrad-model-1";
constexpr const char* kCheckpointFormat = "handgrad-checkpoint-4";
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 36;

TensorLayout layout_of(const NamedTensor& t) {
    return t.is_weight ? TensorLayout::transposed : TensorLayout::vector;
}

void add_tensors(Vae& model, std::span<float> flat, const std::string& prefix,
                 std::vector<TensorToWrite>& out) {
    for (const NamedTensor& t : model.tensors(flat))
        out.push_back({prefix + t.name, t.values, layout_of(t)});
}

void copy_tensors(const SafetensorsFile& file, Vae& model, std::span<float> flat,
                  const std::string& prefix) {
    for (const NamedTensor& t : model.tensors(flat))
        file.copy_to(prefix + t.name, t.values, layout_of(t));
}

void check_tensor_count(const std::string& path, const SafetensorsFile& file,
                        std::size_t expected) {
    if (file.tensors().size() != expected)
        throw Error(ErrorKind::input, path, "another number of tensors",
                    std::to_string(file.tensors().size()), std::to_string(expected));
}

// A number of the metadata, exactly as number_text or to_string wrote it.
template <class Number>
Number number(const SafetensorsFile& file, const std::string& path, const std::string& key) {
    const std::string& text = file.metadata(key);
    Number value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end)
        throw Error(ErrorKind::input, path, "bad metadata '" + key + "'", text, "a number");
    return value;
}

void check_format(const SafetensorsFile& file, const std::string& path, const char* format) {
    if (file.metadata("format") != format)
        throw Error(ErrorKind::input, path, "another format", file.metadata("format"), format);
}

}  // namespace

void save_model(const std::string& path, Vae& model, const ModelOrigin& origin) {
    std::vector<TensorToWrite> tensors;
    add_tensors(model, model.arena().values(), "", tensors);
    std::vector<Matrix> doubled;  // that of a head which returns logvar / 2
    for (TensorToWrite& t : tensors) {
        if (!model.architecture().log_sigma_head || !t.name.starts_with("logvar.")) continue;
        const ConstBlockedView half = t.values;
        Matrix& values = doubled.emplace_back(half.rows, half.cols);
        for (Index i = 0; i < half.rows; ++i)
            for (Index j = 0; j < half.cols; ++j) values(i, j) = 2 * half(i, j);
        t.values = values;
    }
    Metadata metadata{{"format", kModelFormat},
                      {"epoch", std::to_string(origin.epoch)},
                      {"seed", std::to_string(origin.seed)},
                      {"kl_weight", number_text(origin.kl_weight)}};
    if (!origin.mistake.empty()) metadata["mistake"] = origin.mistake;
    replace_file(path, serialize_safetensors(std::move(tensors), std::move(metadata)));
}

std::optional<ModelOrigin> load_model(const std::string& path, Vae& model) {
    const SafetensorsFile file(read_file(path, kMaxFileBytes), path);
    // A damaged key "sha256" must not turn a file of ours into one of another writer.
    const auto format = file.metadata().find("format");
    const bool ours = file.has_checksum() ||
                      (format != file.metadata().end() && format->second.starts_with("handgrad"));
    if (ours) {
        file.require_checksum();
        check_format(file, path, kModelFormat);
    }
    check_tensor_count(path, file, model.tensors(model.arena().values()).size());
    copy_tensors(file, model, model.arena().values(), "");
    if (!ours) return std::nullopt;
    const auto mistake = file.metadata().find("mistake");
    const auto kl_weight = number<double>(file, path, "kl_weight");
    if (!(0 <= kl_weight && kl_weight <= double(std::numeric_limits<float>::max())))
        throw Error(ErrorKind::input, path, "bad metadata 'kl_weight'", file.metadata("kl_weight"),
                    "a number from 0 to 3.4e38");
    const auto epoch = number<std::uint32_t>(file, path, "epoch");
    if (epoch > kMaxEpochs)
        throw Error(ErrorKind::input, path, "bad metadata 'epoch'", file.metadata("epoch"),
                    "0 to " + std::to_string(kMaxEpochs));
    return ModelOrigin{.epoch = epoch,
                       .seed = number<std::uint64_t>(file, path, "seed"),
                       .kl_weight = kl_weight,
                       .mistake = mistake == file.metadata().end() ? "" : mistake->second};
}

std::optional<Index> read_model_epoch(const std::string& path) try {
    const SafetensorsFile file(read_file(path, kMaxFileBytes), path);
    file.require_checksum();
    check_format(file, path, kModelFormat);
    return Index(number<std::uint32_t>(file, path, "epoch"));
} catch (const Error&) {
    return std::nullopt;
}

void save_checkpoint(const std::string& path, Vae& model, Optimizer& optimizer,
                     const Position& position, const CheckpointOrigin& origin) {
    std::vector<TensorToWrite> tensors;
    add_tensors(model, model.arena().values(), "", tensors);
    for (const Optimizer::Buffer& buffer : optimizer.state())
        add_tensors(model, buffer.values, buffer.name + ".", tensors);
    replace_file(
        path,
        serialize_safetensors(std::move(tensors),
                              {{"format", kCheckpointFormat},
                               {"data_hash", origin.data_hash},
                               {"options_hash", origin.options_hash},
                               {"step", std::to_string(optimizer.steps())},
                               {"epoch", std::to_string(position.epoch)},
                               {"batch", std::to_string(position.batch)},
                               {"loss_sum", number_text(position.loss_sum)},
                               {"recon_sum", number_text(position.recon_sum)},
                               {"kl_sum", number_text(position.kl_sum)},
                               {"clamped_logvars", std::to_string(position.clamped_logvars)},
                               {"seconds", number_text(position.seconds)},
                               {"best_val_loss", number_text(position.best_val_loss)},
                               {"best_epoch", std::to_string(position.best_epoch)}}),
        Previous::keep);
}

// That a square root is drawn of.
static void check_second_moment(const std::string& path, std::span<const float> v) {
    for (const float value : v)
        if (value < 0)
            throw Error(ErrorKind::input, path, "a second moment of Adam", std::to_string(value),
                        "0 or more");
}

Position load_checkpoint(const std::string& path, Vae& model, Optimizer& optimizer,
                         const CheckpointOrigin& origin, const PositionCheck& check) {
    const SafetensorsFile file(read_file(path, kMaxFileBytes), path);
    file.require_checksum();
    check_format(file, path, kCheckpointFormat);
    const auto first_digits = [](const std::string& hash) { return hash.substr(0, 12); };
    if (file.metadata("data_hash") != origin.data_hash)
        throw Error(ErrorKind::argument, path, "this run was trained on other data",
                    "data with hash " + first_digits(origin.data_hash),
                    first_digits(file.metadata("data_hash")));
    if (file.metadata("options_hash") != origin.options_hash)
        throw Error(ErrorKind::input, path, "was made with other options than those of this run",
                    "options with hash " + first_digits(file.metadata("options_hash")),
                    first_digits(origin.options_hash));
    const Position position{.epoch = number<Index>(file, path, "epoch"),
                            .batch = number<Index>(file, path, "batch"),
                            .loss_sum = number<double>(file, path, "loss_sum"),
                            .recon_sum = number<double>(file, path, "recon_sum"),
                            .kl_sum = number<double>(file, path, "kl_sum"),
                            .clamped_logvars = number<Index>(file, path, "clamped_logvars"),
                            .seconds = number<double>(file, path, "seconds"),
                            .best_val_loss = number<double>(file, path, "best_val_loss"),
                            .best_epoch = number<Index>(file, path, "best_epoch")};
    const auto steps = number<std::int64_t>(file, path, "step");
    if (check) check(path, position, steps);

    const std::vector<Optimizer::Buffer> buffers = optimizer.state();
    check_tensor_count(path, file,
                       model.tensors(model.arena().values()).size() * (1 + buffers.size()));
    copy_tensors(file, model, model.arena().values(), "");
    for (const Optimizer::Buffer& buffer : buffers) {
        copy_tensors(file, model, buffer.values, buffer.name + ".");
        if (buffer.name == "v") check_second_moment(path, buffer.values);
    }
    optimizer.resume_at(steps);
    return position;
}

std::string read_data_hash(const std::string& path) {
    const SafetensorsFile file(read_file(path, kMaxFileBytes), path);
    file.require_checksum();
    check_format(file, path, kCheckpointFormat);
    return file.metadata("data_hash");
}

bool checkpoint_exists(const std::string& path) {
    return std::filesystem::exists(path) || std::filesystem::exists(previous_path(path));
}

ResumePoint load_newest_checkpoint(const std::string& path, Vae& model, Optimizer& optimizer,
                                   const CheckpointOrigin& origin, const PositionCheck& check) {
    try {
        return {load_checkpoint(path, model, optimizer, origin, check), ""};
    } catch (const Error& newest) {
        const std::string previous = previous_path(path);
        if (newest.kind() != ErrorKind::input || !std::filesystem::exists(previous)) throw;
        try {
            return {load_checkpoint(previous, model, optimizer, origin, check), newest.what()};
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            throw Error(ErrorKind::input, "", std::string(newest.what()) + "; and " + error.what());
        }
    }
}

}  // namespace handgrad::apps::mnist_vae
