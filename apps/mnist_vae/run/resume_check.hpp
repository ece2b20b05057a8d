// Whether the numbers of a checkpoint are those of a training: a checksum tells damage, not
// forgery, and a loop must not run as long as a file says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../model/vae.hpp"
#include "../training/metrics.hpp"
#include "../training/trainer.hpp"

namespace handgrad::apps::mnist_vae {

// The numbers that the options and the data fix, and how far the weights beside the checkpoint are.
struct TrainingSize {
    TrainingPlan plan;
    Index images = 0;
    Architecture architecture;
    std::optional<Index> model_epoch;  // of model.safetensors, which is saved before a checkpoint
};

// Throws Error(input), naming the checkpoint at `path`, unless epoch, batch and steps agree with
// one another and with the model, the sums are what the losses of so many images can be, and the rows of the log say the same: the row
// of every epoch has its step, the best epoch has its loss, and the last epoch has a row. The log
// may begin late or be missing, and may have rows of later epochs.
void check_position(const std::string& path, const Position& position, std::int64_t steps,
                    const TrainingSize& size, const std::vector<EpochMetrics>& log);

}  // namespace handgrad::apps::mnist_vae
