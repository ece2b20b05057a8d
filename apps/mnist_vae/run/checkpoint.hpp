// Weights and training state on disk.
//
// model.safetensors and best.safetensors hold the weights with the names and shapes that PyTorch
// uses; checkpoint.safetensors is self-contained: weights, the optimiser's buffers under a prefix
// ("m.encoder.0.weight"), and the position as metadata. All carry a checksum and are replaced
// atomically; the checkpoint before stays as checkpoint.safetensors.prev.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "../../../optim/optimizer.hpp"
#include "../model/vae.hpp"
#include "../training/trainer.hpp"

namespace handgrad::apps::mnist_vae {

// What `evaluate` needs beside the weights in order to repeat the last validation.
struct ModelOrigin {
    std::uint32_t epoch = 0;
    std::uint64_t seed = 0;
    double kl_weight = 1;
    std::string mistake{};  // the name of the one that it was trained with; empty: none
};

// Throws Error(output).
void save_model(const std::string& path, Vae& model, const ModelOrigin& origin);

// Fills the model's parameters. Throws Error(input) for a file that is damaged or whose tensors are
// not the model's. Files of other writers have no origin (nullopt) and no checksum.
std::optional<ModelOrigin> load_model(const std::string& path, Vae& model);

// The epoch after which the model at `path` was saved; nothing if there is no such file, or it is
// not a whole one of ours.
std::optional<Index> read_model_epoch(const std::string& path);

// The training that a checkpoint belongs to.
struct CheckpointOrigin {
    std::string data_hash;     // Dataset::hash
    std::string options_hash;  // hash_of_options, of those that decide the bits of the weights
};

// Throws Error(output). The file before is kept as previous_path(path).
void save_checkpoint(const std::string& path, Vae& model, Optimizer& optimizer,
                     const Position& position, const CheckpointOrigin& origin);

// Throws Error(input), naming `path`, for a position or a number of steps that the training cannot
// have had.
using PositionCheck =
    std::function<void(const std::string& path, const Position& position, std::int64_t steps)>;

// Restores model and optimiser and returns the position. Throws Error(input) for a file that is
// damaged, has no checksum, does not fit, was made with other options, or does not pass `check`;
// Error(argument) if it was made with other data.
Position load_checkpoint(const std::string& path, Vae& model, Optimizer& optimizer,
                         const CheckpointOrigin& origin, const PositionCheck& check = {});

// The hash of the data that the checkpoint was made with. Throws Error(input) as load_checkpoint.
std::string read_data_hash(const std::string& path);

// Whether there is one, or a previous one.
bool checkpoint_exists(const std::string& path);

struct ResumePoint {
    Position position;
    std::string damage;  // what is wrong with the newest checkpoint, if the one before was taken
};

// load_checkpoint of the newest file or, if that is damaged, of the one before. Throws what
// load_checkpoint throws; if both are damaged the message tells of both.
ResumePoint load_newest_checkpoint(const std::string& path, Vae& model, Optimizer& optimizer,
                                   const CheckpointOrigin& origin, const PositionCheck& check = {});

}  // namespace handgrad::apps::mnist_vae
