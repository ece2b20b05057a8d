// The command line: what the user asked for, checked value by value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "../../../layers/initializers.hpp"
#include "../../../optim/adam.hpp"
#include "../../../optim/schedule.hpp"
#include "../../common/binarization.hpp"
#include "../model/mistakes.hpp"
#include "../model/vae.hpp"

namespace handgrad::apps::mnist_vae {

// A file of options has a line for each; this is far more.
inline constexpr std::uint64_t kMaxConfigBytes = 1 << 20;

// The largest --epochs, and every other count, and the largest --latent.
inline constexpr Index kMaxEpochs = 1'000'000'000, kMaxLatent = 4096;
inline constexpr Index kMaxHiddenWidth = 65536, kMaxHiddenLayers = 16;
// Of the data, in pixels.
inline constexpr Index kMaxImageSide = 1 << 20;

enum class OptimizerKind { adam, sgd };

// The forms of Adam: optim/adam.hpp.
enum class AdamForm { keras, torch, iwae };
AdamConfig adam_config(AdamForm form);

// vae: recon and the KL divergence in closed form; iwae: the importance weighted bound.
enum class ObjectiveKind { vae, iwae };

// Whether gradients are those of the mean over a batch, or of the sum.
enum class BatchReduction { mean, sum };

// What the encoder returns for the spread of z while it is trained.
enum class Head { logvar, log_sigma };

// What z is in validation.
enum class ValidationLatent { sampled, mu };

// Where the biases of the decoder's output start: at zero, or where its first images are the mean
// of the training images.
enum class OutputBias { zero, data };

// Whether products skip zeros where that is faster.
enum class Sparsity { automatic, off };

enum class Switch { on, off };

// Which images a command looks at.
enum class SplitChoice { test, train, validation };

// The options of `train`, with the recipe of the classic dense Keras autoencoder as defaults.
struct TrainOptions {
    std::string data;  // empty: look in the usual places
    std::vector<Index> hidden{512};
    Index latent = 2;
    Activation activation = Activation::relu;
    Index epochs = 50;
    Index batch_size = 128;
    double lr = 1e-3;
    Schedule lr_schedule = Schedule::constant;
    OptimizerKind optimizer = OptimizerKind::adam;
    AdamForm adam = AdamForm::keras;
    Initializer init = Initializer::glorot;
    OutputBias output_bias = OutputBias::zero;
    ReconLoss recon_loss = ReconLoss::bce;
    double pixel_variance = 0.5;  // of ReconLoss::gaussian
    double kl_weight = 1;         // --beta
    Index kl_warmup = 0;          // epochs
    double free_bits = 0;         // nats for each latent
    ObjectiveKind objective = ObjectiveKind::vae;
    Index samples = 1;  // of z for each image
    BatchReduction reduction = BatchReduction::mean;
    Head head = Head::logvar;
    ValidationLatent val_z = ValidationLatent::sampled;
    double clip_norm = 0;  // 0: gradients are not clipped
    Binarization binarize = Binarization::none;
    Switch shuffle = Switch::on;
    Index hold_out = 0;  // training images to validate on instead of the test images
    std::uint64_t seed = 0;
    int threads = 0;  // 0: one per processor
    Sparsity sparsity = Sparsity::automatic;
    Switch fuse = Switch::on;    // update each weight as soon as its gradient is computed
    Index checkpoint_every = 0;  // batches; 0: at the end of every epoch only
    Index patience = 0;          // epochs; 0: never stop early
    Index shards = 1;            // of a batch
    Mistake mistake = Mistake::none;
    bool quiet = false;

    bool operator==(const TrainOptions&) const = default;
};

struct TrainCommand {
    TrainOptions options;
    // The options that the command line or --config set, by name and without the dashes.
    std::map<std::string, std::string> given;
    std::string config;  // the file that some of them are from; empty: none
    std::string out;     // empty: a new folder under runs/
    bool resume = false, overwrite = false;
    bool profile = false;         // a table of where the time went
    std::string trace;            // file for a trace of every thread; empty: none
    std::string tensorboard;      // folder for an event file; empty: none
    std::string gradients;        // file for the gradient's parts at the head; empty: none
    Index gradients_every = 1;    // steps
    bool check_numerics = false;  // look at every number
    std::string compare_to;       // a published curve, or "list" (curve.hpp); empty: none
};

// Common to the commands that use a trained model.
struct RunChoice {
    std::string run;     // empty: the newest under runs/
    std::string output;  // empty: the command's own place
    std::string data;    // empty: look in the usual places
    int threads = 0;
};

struct EvaluateCommand {
    RunChoice choice;
    SplitChoice split = SplitChoice::test;
    Index count = 0;        // of the first images alone; 0: all
    Index nll_samples = 0;  // for -log p(x) by importance sampling; 0: none
};
struct ReconstructCommand {
    RunChoice choice;
    std::string image;  // empty: test images
    Index count = 10;
};
struct SampleCommand {
    RunChoice choice;
    Index count = 64;
    std::uint64_t seed = 0;
    // Positions of two test images between which to walk.
    std::optional<std::pair<Index, Index>> interpolate;
};
struct ManifoldCommand {
    RunChoice choice;
    Index size = 20;
};
struct EncodeCommand {
    RunChoice choice;
    SplitChoice split = SplitChoice::test;
};
struct ExportCommand {
    RunChoice choice;  // the output is a folder
    bool onnx = false;
};
inline constexpr std::size_t kMaxReportRuns = 8;
struct ReportCommand {
    std::vector<std::string> runs;  // empty: the newest under runs/
    std::string output;             // empty: in the first run's folder
    std::string data;               // empty: as each run says
    int threads = 0;
};
struct CheckGradientsCommand {
    std::string run;       // a trained model; empty: a new one, as the options say
    TrainOptions options;  // of the run, if there is one
    std::map<std::string, std::string> given;
    bool all = false;  // every element, on two images
};
struct VerifyCommand {
    Index steps = 200;
};
// The lesson on gradients.
struct LessonCommand {
    std::string output;     // empty: the page to vae-gradients.html, Markdown to standard output
    bool markdown = false;  // instead of the page
};
struct InfoCommand {};
// --help or --version: a text to print.
struct TextCommand {
    std::string text;
};

using Command =
    std::variant<TrainCommand, EvaluateCommand, ReconstructCommand, SampleCommand, ManifoldCommand,
                 EncodeCommand, ExportCommand, ReportCommand, CheckGradientsCommand, VerifyCommand,
                 LessonCommand, InfoCommand, TextCommand>;

// Arguments without the program's name. Throws Error(argument), naming the option, what was found
// and what was expected; Error(input) for a --config file that cannot be read.
Command parse_command_line(const std::vector<std::string>& arguments);

// One option of `train` as text: how it is set, shown and stored.
struct OptionDescription {
    std::string name;    // without dashes; the key in options.toml
    std::string values;  // for --help, e.g. "N" or "adam|sgd"
    std::string help;
    bool is_text;  // quoted in options.toml
    void (*set)(TrainOptions& options, const std::string& name, const std::string& value);
    std::string (*get)(const TrainOptions& options);
};
std::span<const OptionDescription> train_option_descriptions();

// The options of `train` that stand for others, --convention and --likelihood (conventions.hpp):
// options.toml has those others instead, though a user's own file may have these.
std::span<const OptionDescription> shorthand_descriptions();

// The value of the option with this name, as text.
std::string option_value(const TrainOptions& options, const std::string& name);

// Throws Error(argument) for options that have nothing to do with one another or contradict.
void check_combination(const TrainOptions& options);

// A SHA-256 of the options that decide the bits of the weights: all but those that --resume may
// change, --checkpoint-every and --patience. An option at its default does not count, so that a new
// option leaves the hashes of older runs as they are.
std::string hash_of_options(const TrainOptions& options);

// options.toml: every option of a run, one a line, and back. `path` names the file in errors.
// A byte order mark and line ends of Windows are passed over. Throws Error(argument) naming file,
// line and key for an unknown key, one that stands twice, or a value that the command line would
// refuse too; for a zero byte, and for a text that is no UTF-8.
std::string to_toml(const TrainOptions& options);
std::map<std::string, std::string> parse_toml(const std::string& text, const std::string& path);

// Sets what the values, by the names of options, say: a convention first, so that the others win
// over it. Throws Error(argument) naming `prefix` and the option for a bad value, or a likelihood
// beside a reconstruction loss that is none of its.
void apply(const std::map<std::string, std::string>& values, TrainOptions& options,
           const std::string& prefix);

// The options that a run was started with, from its options.toml. Throws Error(input) for a file
// that to_toml cannot have written, or options that contradict: nobody typed these values.
TrainOptions read_run_options(const std::string& path);
TrainOptions parse_run_options(const std::string& text, const std::string& path);

// The first option of `now` that was given and differs from the run's own, apart from those that a
// resumed run may change (epochs, threads, sparsity, fuse, the place of the data, quiet); empty if
// there is none.
std::string find_contradiction(const TrainOptions& run, const TrainCommand& now);

}  // namespace handgrad::apps::mnist_vae
