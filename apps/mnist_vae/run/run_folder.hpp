// The folder of one training run: the names of its files, and how a command finds it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "../model/vae.hpp"

namespace handgrad::apps::mnist_vae {

struct RunFolder {
    std::filesystem::path path;

    std::string options() const { return path / "options.toml"; }     // every effective option
    std::string config() const { return path / "config.json"; }       // the architecture
    std::string model() const { return path / "model.safetensors"; }  // weights, last epoch
    std::string best() const { return path / "best.safetensors"; }    // weights, lowest val_loss
    std::string checkpoint() const { return path / "checkpoint.safetensors"; }
    std::string log() const { return path / "log.csv"; }
    std::string latents() const { return path / "latents.csv"; }         // per epoch and dimension
    std::string sample_history() const { return path / "samples.csv"; }  // of some epochs
    std::string profile() const { return path / "profile.txt"; }         // the last --profile
    std::string report() const { return path / "report.html"; }
    std::string comparison() const { return path / "comparison.html"; }  // with other runs
    std::string reconstructions() const { return path / "reconstructions.png"; }
    std::string samples() const { return path / "samples.png"; }
    std::string manifold() const { return path / "manifold.png"; }

    // Whether a run was ever started here.
    bool holds_run() const;
};

// A folder under `parent` named after the time, that does not exist yet.
std::filesystem::path new_run_path(const std::filesystem::path& parent);

// The run under `parent` whose weights were written last. Throws Error(input) if there is none.
std::filesystem::path newest_run(const std::filesystem::path& parent);

// config.json: what a program needs in order to use the weights. Replaced atomically.
// A mistake is told by its name; none by an empty text.
void write_config(const RunFolder& run, const Architecture& architecture,
                  const std::string& mistake = {});

// Throws Error(input) naming the file and the field for anything that write_config could not have
// written.
Architecture read_config(const RunFolder& run);
Architecture parse_config(const std::string& text, const RunFolder& run);

// The same for who is about to make room for the weights: throws Error(input) too if
// model.safetensors cannot hold them, so that memory is bounded by what is really there.
Architecture read_config_of_weights(const RunFolder& run);

const char* recon_loss_name(ReconLoss loss);
const char* activation_name(Activation f);

}  // namespace handgrad::apps::mnist_vae
