#include "recipe.hpp"

#include <algorithm>
#include <vector>

#include "../../../core/error.hpp"
#include "../../../core/isa.hpp"
#include "../../../core/ops.hpp"
#include "../../../core/parallel.hpp"
#include "../../../optim/adam.hpp"
#include "../../../optim/sgd.hpp"
#include "../../common/console.hpp"
#include "../../common/option_values.hpp"
#include "own_files.hpp"

namespace handgrad::apps::mnist_vae {

Architecture architecture_of(const TrainOptions& options, const IdxImages& images) {
    return {.image_rows = images.rows,
            .image_cols = images.cols,
            .hidden = options.hidden,
            .latent = options.latent,
            .activation = options.activation,
            .recon_loss = options.recon_loss,
            .pixel_variance = options.pixel_variance,
            .log_sigma_head = options.head == Head::log_sigma};
}

std::optional<TrainOptions> read_options_of(const RunFolder& run, const Architecture& a,
                                            const std::optional<ModelOrigin>& weights) {
    if (!is_there(run.options())) return {};
    const TrainOptions options = read_run_options(run.options());
    const auto compare = [&](const char* other, const std::string& name, const std::string& found,
                             const std::string& expected) {
        if (found != expected)
            throw Error(ErrorKind::input, run.options(), name + " contradicts " + other, found,
                        expected);
    };
    IdxImages images;
    images.rows = a.image_rows;
    images.cols = a.image_cols;
    const Architecture own = architecture_of(options, images);
    constexpr const char* kConfig = "config.json";
    compare(kConfig, "hidden or latent", own.widths(), a.widths());
    compare(kConfig, "activation", activation_name(own.activation), activation_name(a.activation));
    compare(kConfig, "recon-loss", recon_loss_name(own.recon_loss), recon_loss_name(a.recon_loss));
    if (a.recon_loss == ReconLoss::gaussian)
        compare(kConfig, "pixel-variance", number_text(own.pixel_variance),
                number_text(a.pixel_variance));
    if (!weights) return options;
    constexpr const char* kWeights = "model.safetensors";
    compare(kWeights, "seed", std::to_string(options.seed), std::to_string(weights->seed));
    compare(kWeights, "beta", number_text(double(options.kl_weight)),
            number_text(weights->kl_weight));
    compare(kWeights, "mistake", mistake_name(options.mistake), weights->mistake);
    return options;
}

AdamConfig adam_config(AdamForm form) {
    switch (form) {
        case AdamForm::keras:
            break;
        case AdamForm::torch:
            return AdamConfig::torch();
        case AdamForm::iwae:
            return AdamConfig::iwae();
    }
    return AdamConfig::keras();
}

// The logit of the mean pixel, or that itself where the output is no logit. The cut is that of the
// program of Burda, Grosse and Salakhutdinov 2016: an always dark pixel has no logit.
static void start_at_mean_image(Vae& model, const IdxImages& images) {
    const std::size_t pixels = std::size_t(model.architecture().pixels());
    std::vector<std::uint64_t> sums(pixels);
    for (std::size_t e = 0; e < images.pixels.size(); ++e) sums[e % pixels] += images.pixels[e];
    BlockedView bias = model.tensors(model.arena().values()).back().values;
    const bool is_mean = model.architecture().recon_loss == ReconLoss::gaussian;
    for (std::size_t j = 0; j < pixels; ++j) {
        const double mean = double(sums[j]) / (255 * double(images.count));
        const double p = std::clamp(mean, 0.001, 0.999);
        const float sides[] = {static_cast<float>(p), static_cast<float>(1 - p)};
        float logs[2];
        active_kernels().log(sides, logs, 2);
        bias(0, Index(j)) = is_mean ? static_cast<float>(mean) : logs[0] - logs[1];
    }
}

void initialize(Vae& model, const TrainOptions& options, const IdxImages& images) {
    model.initialize(options.init, options.seed);
    if (options.output_bias == OutputBias::data) start_at_mean_image(model, images);
}

std::unique_ptr<Optimizer> make_optimizer(const TrainOptions& options, ParameterArena& arena) {
    std::unique_ptr<Optimizer> optimizer;
    if (options.optimizer == OptimizerKind::sgd)
        optimizer = std::make_unique<Sgd>(arena, SgdConfig{});
    else
        optimizer = std::make_unique<Adam>(arena, adam_config(options.adam));
    return lead_astray(options.mistake, std::move(optimizer), arena);
}

TrainingPlan plan_of(const TrainOptions& options) {
    return {.epochs = options.epochs,
            .batch_size = options.batch_size,
            .lr = options.lr,
            .schedule = options.lr_schedule,
            .clip_norm = options.clip_norm,
            .objective = {.kl_weight = static_cast<float>(options.kl_weight),
                          .free_bits = static_cast<float>(options.free_bits),
                          .samples = options.samples,
                          .importance_weighted = options.objective == ObjectiveKind::iwae,
                          .sum_over_batch = options.reduction == BatchReduction::sum},
            .kl_warmup = options.kl_warmup,
            .validate_on_mu = options.val_z == ValidationLatent::mu,
            .seed = options.seed,
            .shuffle = options.shuffle == Switch::on,
            .draw_pixels = options.binarize == Binarization::drawn_anew,
            .sparsity = options.sparsity == Sparsity::automatic,
            .fuse = options.fuse == Switch::on,
            .mistake = options.mistake,
            .patience = options.patience,
            .shards = options.shards};
}

Dataset load_data(const std::string& data_option, Splits splits) {
    const std::optional<std::string> wanted =
        data_option.empty() ? std::nullopt : std::optional(data_option);
    Dataset dataset = load_dataset(find_data_folder(wanted), splits);
    for (const std::string& warning : dataset.warnings) warn(warning);
    // Found now, and not when a model of them is to be read.
    const IdxImages& images = dataset.test.images;
    if (images.rows > kMaxImageSide || images.cols > kMaxImageSide)
        throw Error(ErrorKind::input, dataset.folder, "images that are too large",
                    std::to_string(images.rows) + " x " + std::to_string(images.cols),
                    "at most " + std::to_string(kMaxImageSide) + " a side");
    return dataset;
}

Dataset load_training_data(const TrainOptions& options) {
    Dataset dataset = load_data(options.data);
    if (options.hold_out > 0) hold_out(dataset, options.hold_out);
    binarize(options.binarize, options.seed, Use::training, dataset);
    return dataset;
}

std::string describe_binarization(Binarization binarization) {
    switch (binarization) {
        case Binarization::none:
            break;
        case Binarization::drawn_once:
            return ", black and white, drawn once";
        case Binarization::drawn_anew:
            return ", black and white, drawn anew for every epoch";
        case Binarization::at_threshold:
            return ", black and white by a threshold";
    }
    return "";
}

std::string describe_loss(const TrainOptions& options) {
    std::string text = recon_loss_name(options.recon_loss);
    const bool is_iwae = options.objective == ObjectiveKind::iwae;
    if (is_iwae) text = "importance weighted bound of " + text;
    if (!is_iwae) text += " + " + number_text(options.kl_weight) + " kl";
    if (options.kl_warmup > 0)
        text += " after " + std::to_string(options.kl_warmup) + " epochs of warm-up";
    if (options.free_bits > 0)
        text += ", of each latent at least " + number_text(options.free_bits);
    if (options.samples > 1 || is_iwae)
        text += ", " + std::to_string(options.samples) +
                (options.samples == 1 ? " sample" : " samples") + " of z";
    return text;
}

std::string describe_optimizer(const TrainOptions& options) {
    std::string text = "sgd, momentum 0.9";
    if (options.optimizer == OptimizerKind::adam)
        text = "adam (" + option_value(options, "adam") + ")";
    if (options.reduction == BatchReduction::sum) text += " on the sum over the batch";
    return text + ", lr " + number_text(options.lr) + ", batch " +
           std::to_string(options.batch_size) + ", seed " + std::to_string(options.seed);
}

std::string describe_machine() {
    return std::string(isa_name(active_isa())) + ", " + std::to_string(thread_count()) +
           (thread_count() == 1 ? " thread" : " threads");
}

}  // namespace handgrad::apps::mnist_vae
