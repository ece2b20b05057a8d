#include "recipe.hpp"

#include "../../core/isa.hpp"
#include "../../core/parallel.hpp"
#include "../../optim/adam.hpp"
#include "../../optim/sgd.hpp"
#include "option_values.hpp"
#include "run_folder.hpp"
#include "terminal.hpp"

namespace handgrad::mnist_vae {

Architecture architecture_of(const TrainOptions& options, const IdxImages& images) {
    return {.image_rows = images.rows,
            .image_cols = images.cols,
            .hidden = options.hidden,
            .latent = options.latent,
            .activation = options.activation,
            .recon_loss = options.recon_loss,
            .pixel_variance = options.pixel_variance};
}

std::unique_ptr<Optimizer> make_optimizer(const TrainOptions& options, ParameterArena& arena) {
    const bool keras = options.adam == EpsilonPlacement::keras;
    std::unique_ptr<Optimizer> optimizer;
    if (options.optimizer == OptimizerKind::sgd)
        optimizer = std::make_unique<Sgd>(arena, SgdConfig{});
    else
        optimizer =
            std::make_unique<Adam>(arena, keras ? AdamConfig::keras() : AdamConfig::torch());
    return lead_astray(options.mistake, std::move(optimizer), arena);
}

TrainingPlan plan_of(const TrainOptions& options) {
    return {.epochs = options.epochs,
            .batch_size = options.batch_size,
            .lr = options.lr,
            .schedule = options.lr_schedule,
            .clip_norm = options.clip_norm,
            .kl_weight = static_cast<float>(options.kl_weight),
            .seed = options.seed,
            .shuffle = options.shuffle == Switch::on,
            .draw_pixels = options.binarize == Binarization::drawn_anew,
            .sparsity = options.sparsity == Sparsity::automatic,
            .fuse = options.fuse == Switch::on,
            .mistake = options.mistake,
            .patience = options.patience};
}

Dataset load_data(const std::string& data_option, Splits splits) {
    const std::optional<std::string> wanted =
        data_option.empty() ? std::nullopt : std::optional(data_option);
    Dataset dataset = load_dataset(find_data_folder(wanted), splits);
    for (const std::string& warning : dataset.warnings) warn(warning);
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
    return std::string(recon_loss_name(options.recon_loss)) + " + " +
           number_text(options.kl_weight) + " kl";
}

std::string describe_optimizer(const TrainOptions& options) {
    std::string text = "sgd, momentum 0.9";
    if (options.optimizer == OptimizerKind::adam)
        text = options.adam == EpsilonPlacement::keras ? "adam (keras)" : "adam (torch)";
    return text + ", lr " + number_text(options.lr) + ", batch " +
           std::to_string(options.batch_size) + ", seed " + std::to_string(options.seed);
}

std::string describe_machine() {
    return std::string(isa_name(active_isa())) + ", " + std::to_string(thread_count()) +
           (thread_count() == 1 ? " thread" : " threads");
}

}  // namespace handgrad::mnist_vae
