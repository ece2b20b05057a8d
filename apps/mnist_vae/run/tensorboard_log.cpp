#include "tensorboard_log.hpp"

#include <utility>

namespace handgrad::apps::mnist_vae {

TensorboardLog::TensorboardLog(const std::string& folder, const std::string& mistake)
    : file_(folder), prefix_(mistake.empty() ? "" : "MISTAKE " + mistake + " ") {}

void TensorboardLog::add_picture(const std::string& name, const GrayImage& picture,
                                 std::vector<std::byte> png) {
    pictures_.push_back(
        {prefix_ + "pictures/" + name, picture.width, picture.height, std::move(png)});
}

void TensorboardLog::append(const EpochMetrics& m) {
    const std::string losses = prefix_ + "losses/", training = prefix_ + "training/";
    const ScalarSummary scalars[] = {
        {losses + "loss", m.loss},
        {losses + "recon", m.recon},
        {losses + "kl", m.kl},
        {losses + "val_loss", m.val_loss},
        {losses + "val_recon", m.val_recon},
        {losses + "val_kl", m.val_kl},
        {training + "lr", m.lr},
        {training + "seconds", m.seconds},
        {training + "images_per_s", m.images_per_second},
        {training + "active_units", double(m.active_units)},
        {training + "clamped_logvars", double(m.clamped_logvars)},
    };
    file_.append(m.epoch, scalars, {});
}

void TensorboardLog::append_pictures(Index epoch) {
    if (pictures_.empty()) return;
    file_.append(epoch, {}, pictures_);
    pictures_.clear();
}

}  // namespace handgrad::apps::mnist_vae
