// What the options of `train` stand for: the model, its optimiser, the plan, and how they are told.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "../../../optim/optimizer.hpp"
#include "../../common/dataset.hpp"
#include "../options/options.hpp"
#include "../training/trainer.hpp"
#include "checkpoint.hpp"
#include "run_folder.hpp"

namespace handgrad::apps::mnist_vae {

Architecture architecture_of(const TrainOptions& options, const IdxImages& images);

// The options of a run, as its options.toml has them; nothing if there is none. Throws Error(input)
// for a bad file, and for options of another model than that of config.json (`architecture`) or,
// if they say so, of the weights.
std::optional<TrainOptions> read_options_of(const RunFolder& run, const Architecture& architecture,
                                            const std::optional<ModelOrigin>& weights = {});

// The weights before the first step; the images are those to train on.
void initialize(Vae& model, const TrainOptions& options, const IdxImages& images);
std::unique_ptr<Optimizer> make_optimizer(const TrainOptions& options, ParameterArena& arena);
TrainingPlan plan_of(const TrainOptions& options);

// The data set of --data, or with an empty text that of the usual places. Warns of what is odd.
Dataset load_data(const std::string& data_option, Splits splits = Splits::train_and_test);

// The same, with the images held out, and in black and white, that training gets.
Dataset load_training_data(const TrainOptions& options);

// ", black and white, drawn anew for every epoch"; empty if the pixels are grey.
std::string describe_binarization(Binarization binarization);
std::string describe_loss(const TrainOptions& options);       // "bce + 1 kl"
std::string describe_optimizer(const TrainOptions& options);  // "adam (keras), lr 0.001, ..."
std::string describe_machine();                               // "avx512, 2 threads"

}  // namespace handgrad::apps::mnist_vae
