// Twenty nets in training, four on images that are all alike, and one that dies: states at which
// right gradients are easily called wrong, because they cancel, vanish, lie at kinks or saturate.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "../../../../apps/mnist_vae/checks/gradient_check.hpp"
#include "../../../../apps/mnist_vae/run/recipe.hpp"
#include "../../../../core/error.hpp"

namespace handgrad::test {

using namespace handgrad::apps::mnist_vae;

struct Net {
    std::string images;   // "digits", or "noise", "ink" (0 or 255), "black", "white", "grey",
                          // "equal" and the size of a side
    std::string options;  // as a file of --config has them, ";" for a new line
    bool may_be_silent = false;  // some tensors have a gradient of zero in truth
};

inline const std::vector<Net> kNets = {
    {"digits", ""},
    {"digits", "hidden = [32]; beta = 4"},
    {"noise 12", "hidden = [64]; latent = 1"},
    {"digits", "hidden = [32,20,12]; latent = 20; activation = \"tanh\""},
    {"digits",
     "hidden = [16]; latent = 8; samples = 2; recon-loss = \"bce-probabilities\"; "
     "binarize = \"static\"; lr = 0.01"},
    {"digits", "hidden = [24]; latent = 5; free-bits = 0.5; head = \"log-sigma\""},
    {"digits",
     "hidden = [16]; latent = 3; objective = \"iwae\"; samples = 5; "
     "activation = \"tanh\""},
    {"digits", "hidden = [32]; lr = 0.03"},   // most ReLUs die
    {"digits", "hidden = [24]; beta = 100"},  // the posterior collapses
    {"noise 6", "hidden = [24,24]; activation = \"sigmoid\"; recon-loss = \"mse\"; beta = 0.1"},
    {"ink 5", "hidden = [20]; latent = 4; recon-loss = \"bce-clamped-logs\"; lr = 0.01"},
    {"noise 8", "hidden = [32,16]; recon-loss = \"continuous-bernoulli\"; latent = 6"},
    {"noise 7",
     "hidden = [16,16]; recon-loss = \"gaussian\"; pixel-variance = 0.01; "
     "activation = \"tanh\"; head = \"log-sigma\""},
    {"noise 3",
     "hidden = [16,8]; objective = \"iwae\"; samples = 8; recon-loss = \"gaussian\"; "
     "reduction = \"sum\"; adam = \"iwae\""},
    {"noise 3", "hidden = [12]; optimizer = \"sgd\"; lr = 0.05; beta = 0.1; latent = 3"},
    {"ink 4",
     "hidden = [10,6]; activation = \"linear\"; optimizer = \"sgd\"; lr = 0.01; "
     "samples = 3"},
    {"noise 1", "hidden = [8]; latent = 1"},
    {"noise 1",
     "hidden = [6]; latent = 1; activation = \"sigmoid\"; recon-loss = \"mse\"; "
     "optimizer = \"sgd\"; lr = 0.1"},
    {"ink 6", "hidden = [30,20,10]; latent = 2; lr = 0.005; beta = 0.5"},
    {"noise 5",
     "hidden = [200]; latent = 2; recon-loss = \"bce-clamped-logs\"; init = \"torch\"; "
     "adam = \"torch\"; free-bits = 2"},
    {"black 5", "hidden = [12]", true},
    {"white 5", "hidden = [12]; recon-loss = \"gaussian\"", true},
    {"grey 4", "hidden = [8,6]; activation = \"tanh\"; recon-loss = \"continuous-bernoulli\"",
     true},
    {"equal 6", "hidden = [16]; samples = 2; recon-loss = \"mse\"", true},
    // A layer of ReLUs that are off whatever comes in.
    {"ink 6", "hidden = [30,20,10]; latent = 2; lr = 0.02; beta = 4", true},
};

inline IdxImages images_of(const Net& net) {
    constexpr Index kCount = 96;
    if (net.images == "digits") {
        IdxImages images = read_idx_images(std::string(HANDGRAD_SOURCE_DIR) +
                                           "/apps/mnist_vae/sample/train-images-idx3-ubyte.gz");
        apps::keep_first(images, kCount);
        return images;
    }
    const std::size_t space = net.images.find(' ');
    const std::string kind = net.images.substr(0, space);
    const Index side = std::stol(net.images.substr(space));
    IdxImages images{kCount, side, side, {}, ""};
    std::uint32_t random = 1;
    for (Index i = 0; i < kCount * side * side; ++i) {
        random = random * 1664525 + 1013904223;
        const auto drawn = static_cast<std::uint8_t>(random >> 24);
        images.pixels.push_back(kind == "noise"   ? drawn
                                : kind == "ink"   ? std::uint8_t(drawn < 90 ? 255 : 0)
                                : kind == "black" ? 0
                                : kind == "white" ? 255
                                : kind == "grey"  ? 77
                                                  : std::uint8_t(i % (side * side) * 7));
    }
    return images;
}

// Trains a net and checks its gradients where it starts and after every `every` epochs, 8 images
// and so many elements of each tensor.
inline void check_states(const Net& net, Index epochs, Index every, Index elements,
                         const std::function<void(Index epoch, const GradientCheck&)>& checked) {
    std::string config = net.options;
    for (char& c : config)
        if (c == ';') c = '\n';
    TrainOptions options;
    options.batch_size = 32;
    apply(parse_toml(config, "net"), options, "");
    options.epochs = epochs;
    apps::Dataset data;
    data.train.images = images_of(net);
    apps::binarize(options.binarize, options.seed, apps::Use::training, data);
    const IdxImages& images = data.train.images;

    Vae model(architecture_of(options, images));
    initialize(model, options, images);
    const auto optimizer = make_optimizer(options, model.arena());
    const TrainingPlan plan = plan_of(options);
    Trainer trainer(model, *optimizer, plan, images, images);
    const GradientCheckPlan check_plan{
        .objective = plan.objective, .images = 8, .elements = elements, .seed = options.seed};
    const auto check = [&](Index epoch) {
        checked(epoch,
                check_gradients(
                    model, candidates_of(images, options.seed, options.latent, options.samples, 8),
                    check_plan, [](const GradientRow&) {}));
    };
    check(0);
    TrainerEvents events;
    events.epoch_done = [&](const EpochMetrics& metrics, bool) {
        if (metrics.epoch % every == 0) check(metrics.epoch);
    };
    trainer.run(events);
}

}  // namespace handgrad::test
