#include "subject.hpp"

#include <algorithm>

#include "../../../core/isa.hpp"
#include "../../../core/parallel.hpp"
#include "../../../core/random.hpp"
#include "../model/evaluation.hpp"
#include "../run/recipe.hpp"
#include "../training/trainer.hpp"

namespace handgrad::apps::mnist_vae::lesson {

namespace {

constexpr int kLabels = 10, kChosenLabel = 0;

TrainOptions recipe() {
    TrainOptions options;
    options.hidden = {64};
    options.epochs = 20;
    options.batch_size = 20;
    return options;
}

Digit read_digit(const Split& split, int label, Index latent) {
    const auto& labels = split.labels.labels;
    const auto found = std::find(labels.begin(), labels.end(), label);
    const Index position = found - labels.begin(), size = split.images.rows * split.images.cols;
    const auto first = split.images.pixels.begin() + position * size;
    Matrix x(1, size), noise(1, latent);
    load_images(split.images, position, x);
    fill_normal(0, Purpose::pictures, 0, static_cast<std::uint32_t>(position),
                {noise.row(0), std::size_t(latent)});
    return {.position = position,
            .label = label,
            .pixels = {first, first + size},
            .x = reference::to_tensor(x),
            .noise = reference::to_tensor(noise)};
}

}  // namespace

Subject::Subject()
    : options(recipe()),
      dataset(load_dataset(find_sample_folder())),
      model(architecture_of(options, dataset.train.images)),
      config{.inputs = model.architecture().pixels(),
             .hidden = options.hidden,
             .latent = options.latent,
             .activation = options.activation},
      truth(config),
      chosen(kChosenLabel) {
    if (active_isa() == Isa::sse2) select_isa(Isa::scalar);
    set_thread_count(1);  // so small a model gains nothing by more
    initialize(model, options, dataset.train.images);
    const auto optimizer = make_optimizer(options, model.arena());
    Trainer trainer(model, *optimizer, plan_of(options), dataset.train.images, dataset.test.images);
    trainer.run({});

    Evaluator evaluator(model, dataset.test.images);
    const NoiseSource noise{.seed = options.seed,
                            .epoch = static_cast<std::uint32_t>(options.epochs)};
    val_loss = evaluator.evaluate(&noise, 1).loss;
    val_loss_on_mu = evaluator.evaluate(nullptr, 1).loss;

    const std::vector<NamedTensor> tensors = model.tensors(model.arena().values());
    for (std::size_t p = 0; p < tensors.size(); ++p)
        truth.parameters()[p] = reference::to_tensor(tensors[p].values);
    for (int label = 0; label < kLabels; ++label)
        digits.push_back(read_digit(dataset.test, label, options.latent));
}

}  // namespace handgrad::apps::mnist_vae::lesson
