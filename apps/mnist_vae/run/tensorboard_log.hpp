// What training reports for TensorBoard: an event file (core/io/tensorboard.hpp) that gets the
// numbers and pictures of every epoch. Steps are epochs. A tag is the section that TensorBoard
// shows it in, "losses", "training" or "pictures", and the name of log.csv's column or of the
// picture: "losses/val_loss". Of a mistake made on purpose, all tags begin with "MISTAKE NAME ".
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "../../../core/io/png.hpp"
#include "../../../core/io/tensorboard.hpp"
#include "../training/metrics.hpp"

namespace handgrad::apps::mnist_vae {

class TensorboardLog {
  public:
    // Throws Error(output) if there can be no file in the folder.
    explicit TensorboardLog(const std::string& folder, const std::string& mistake = {});

    // To be written with the epoch that is under way.
    void add_picture(const std::string& name, const GrayImage& picture, std::vector<std::byte> png);

    // Returns when the epoch is on the disk. Throws Error(output).
    void append(const EpochMetrics& metrics);

  private:
    EventFile file_;
    std::string prefix_;  // of all tags
    std::vector<ImageSummary> pictures_;
};

}  // namespace handgrad::apps::mnist_vae
