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

    // The losses of an epoch. Returns when they are on the disk. Throws Error(output).
    void append(const EpochMetrics& metrics);

    // A picture of an epoch, to be written by append_pictures.
    void add_picture(const std::string& name, const GrayImage& picture, std::vector<std::byte> png);
    // Those that were added since the last call. Throws as append does.
    void append_pictures(Index epoch);

  private:
    EventFile file_;
    std::string prefix_;  // of all tags
    std::vector<ImageSummary> pictures_;
};

}  // namespace handgrad::apps::mnist_vae
