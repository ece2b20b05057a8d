// The folder of one training run: the names of its files, and how a command finds it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "../model/vae.hpp"

namespace handgrad::apps::mnist_vae {

// The names of its files. A new run in the folder of an old one begins in a folder of its own in
// there (new_run.hpp); should the process have died while it took the old one's place, these lead
// to the new files.
struct RunFolder {
    std::filesystem::path path;

    std::string options() const { return file("options.toml"); }     // every effective option
    std::string config() const { return file("config.json"); }       // the architecture
    std::string model() const { return file("model.safetensors"); }  // weights, last epoch
    std::string best() const { return file("best.safetensors"); }    // weights, lowest val_loss
    std::string checkpoint() const { return file("checkpoint.safetensors"); }
    std::string log() const { return file("log.csv"); }
    std::string latents() const { return file("latents.csv"); }         // per epoch and dimension
    std::string sample_history() const { return file("samples.csv"); }  // of some epochs
    std::string profile() const { return file("profile.txt"); }         // the last --profile
    std::string report() const { return file("report.html"); }
    std::string comparison() const { return file("comparison.html"); }  // with other runs
    std::string reconstructions() const { return file("reconstructions.png"); }
    std::string samples() const { return file("samples.png"); }
    std::string manifold() const { return file("manifold.png"); }

    // The names of all of these, of the previous checkpoint, and of the results that commands put
    // beside them: they show the same model, and go with it.
    static std::span<const char* const> names();

  private:
    std::string file(const char* name) const;
};

// The names of a run under which a folder holds links, folders, devices or the lock of another
// program, as "log.csv, lock": nothing of a run, and nothing that may be replaced.
std::string foreign_names(const RunFolder& folder);

// The files of a run that a folder holds.
enum class Contents {
    nothing,   // none; a lock of ours is no file of a run
    run,       // a run of ours, told by its config.json or its options.toml, and nothing else
    strangers  // files that this program did not surely write (own_files.hpp), or no sign of a run
};
struct FolderContents {
    Contents kind = Contents::nothing;
    std::string files;  // "log.csv, samples.png"; of strangers those alone that are not ours
    // Whether there is more than options.toml and config.json.
    bool has_results = false;
};
FolderContents contents_of(const RunFolder& folder);

// The run under `parent` whose weights were written last. Throws Error(input) if there is none.
std::filesystem::path newest_run(const std::filesystem::path& parent);

// The widths of all layers have a tenth of that; the parser takes quadratic time for many objects.
inline constexpr std::uint64_t kMaxJsonBytes = 1 << 14;

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
