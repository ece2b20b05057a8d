// The options of `train`: one table for the command line, the help, options.toml and --resume.
#include <set>
#include <sstream>

#include "../../../core/error.hpp"
#include "../../../core/io/sha256.hpp"
#include "../../common/option_values.hpp"
#include "conventions.hpp"
#include "options.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

constexpr std::uint64_t kMaxSamples = 5000;
constexpr std::uint64_t kMaxShards = 1024;
constexpr std::uint64_t kMaxCount = kMaxEpochs;

constexpr const char* kSchedules[] = {"constant", "step", "cosine", "iwae"};
constexpr const char* kOptimizers[] = {"adam", "sgd"};
constexpr const char* kAdams[] = {"keras", "torch", "iwae"};
constexpr const char* kSparsities[] = {"auto", "off"};
constexpr const char* kSwitches[] = {"on", "off"};
constexpr const char* kInits[] = {"glorot", "he", "torch", "lecun"};
constexpr const char* kObjectives[] = {"vae", "iwae"};
constexpr const char* kReductions[] = {"mean", "sum"};
constexpr const char* kHeads[] = {"logvar", "log-sigma"};
constexpr const char* kValidationLatents[] = {"sampled", "mu"};
constexpr const char* kOutputBiases[] = {"zero", "data"};

using Options = TrainOptions;

std::vector<Index> parse_widths(const std::string& where, const std::string& text) {
    std::vector<Index> widths;
    std::stringstream list(text + ",");
    for (std::string item; std::getline(list, item, ',');)
        widths.push_back(static_cast<Index>(parse_integer(where, item, 1, kMaxHiddenWidth)));
    if (std::ssize(widths) > kMaxHiddenLayers)
        throw Error(ErrorKind::argument, where, "too many layers", std::to_string(widths.size()),
                    "at most " + std::to_string(kMaxHiddenLayers));
    return widths;
}

std::string widths_text(const std::vector<Index>& widths) {
    std::string text;
    for (Index width : widths) text += (text.empty() ? "" : ",") + std::to_string(width);
    return text;
}

// The setters and getters of the four kinds of member.
template <auto member, std::uint64_t low, std::uint64_t high>
OptionDescription integer(const char* name, const char* help) {
    return {name,
            "N",
            help,
            false,
            [](Options& o, const std::string& where, const std::string& value) {
                using Number = std::remove_reference_t<decltype(o.*member)>;
                o.*member = static_cast<Number>(parse_integer(where, value, low, high));
            },
            [](const Options& o) { return std::to_string(o.*member); }};
}

template <auto member, auto parse>
OptionDescription real(const char* name, const char* help) {
    return {name,
            "X",
            help,
            false,
            [](Options& o, const std::string& where, const std::string& value) {
                o.*member = parse(where, value);
            },
            [](const Options& o) { return number_text(o.*member); }};
}

template <auto member, const auto& names>
OptionDescription choice(const char* name, const char* help) {
    std::string values;
    for (const char* n : names) values += (values.empty() ? "" : "|") + std::string(n);
    return {name,
            values,
            help,
            true,
            [](Options& o, const std::string& where, const std::string& value) {
                using Enum = std::remove_reference_t<decltype(o.*member)>;
                o.*member = static_cast<Enum>(
                    parse_choice(where, value, names, static_cast<int>(std::size(names))));
            },
            [](const Options& o) { return std::string(names[static_cast<int>(o.*member)]); }};
}

std::vector<OptionDescription> make_descriptions() {
    return {
        {"data", "DIR",
         "Folder with the four IDX files, plain or gzipped. If not given: $HANDGRAD_DATA, then "
         "data/mnist, then the digits that ship with this program",
         true,
         [](Options& o, const std::string& where, const std::string& value) {
             if (value.empty())
                 throw Error(ErrorKind::argument, where, "bad value", "''", "a folder");
             o.data = value;
         },
         [](const Options& o) { return o.data; }},
        {"hidden", "N[,N...]", "Widths of the encoder's hidden layers; the decoder mirrors them",
         false,
         [](Options& o, const std::string& where, const std::string& value) {
             o.hidden = parse_widths(where, value);
         },
         [](const Options& o) { return widths_text(o.hidden); }},
        integer<&Options::latent, 1, kMaxLatent>("latent", "Latent dimensions"),
        choice<&Options::activation, kActivationNames>("activation", "Of the hidden layers"),
        integer<&Options::epochs, 1, kMaxEpochs>("epochs", "Passes over the training images"),
        integer<&Options::batch_size, 1, kMaxCount>("batch-size", "Images per update"),
        real<&Options::lr, parse_positive>("lr", "Learning rate"),
        choice<&Options::lr_schedule, kSchedules>(
            "lr-schedule",
            "step: a tenth from half of the steps on, a hundredth from three quarters on; iwae: "
            "falls to a tenth over stages of 1, 3, 9, ... 2187 epochs"),
        choice<&Options::optimizer, kOptimizers>("optimizer", "sgd has momentum 0.9"),
        choice<&Options::adam, kAdams>(
            "adam",
            "keras: epsilon 1e-7 beside the uncorrected root; torch: 1e-8, corrected; iwae: 1e-4, "
            "beta1 0.99, moments of the step before"),
        choice<&Options::init, kInits>("init",
                                       "How weights start; lecun is normal, cut off at two "
                                       "deviations, the others are uniform"),
        choice<&Options::output_bias, kOutputBiases>(
            "output-bias", "Where the decoder's last biases start; data: at the mean image"),
        choice<&Options::recon_loss, kReconLossNames>(
            "recon-loss",
            "bce takes logits; bce-probabilities clips as Keras does, bce-clamped-logs as PyTorch; "
            "continuous-bernoulli and gaussian are likelihoods of grey pixels"),
        real<&Options::pixel_variance, parse_positive>("pixel-variance",
                                                       "Of --recon-loss gaussian"),
        real<&Options::kl_weight, parse_non_negative>("beta", "Weight of the KL divergence"),
        integer<&Options::kl_warmup, 0, kMaxCount>(
            "kl-warmup", "Epochs over which the weight of the KL divergence rises to --beta"),
        real<&Options::free_bits, parse_non_negative>(
            "free-bits", "Nats that the KL divergence of each latent costs at least"),
        choice<&Options::objective, kObjectives>(
            "objective",
            "vae: minus the ELBO; iwae: the importance weighted bound, with the KL as sampled"),
        integer<&Options::samples, 1, kMaxSamples>("samples", "Of z, for each image of a batch"),
        choice<&Options::reduction, kReductions>(
            "reduction", "Of gradients over a batch; losses are always told per image"),
        choice<&Options::head, kHeads>(
            "head", "What the encoder returns in training; files always hold logvar"),
        choice<&Options::val_z, kValidationLatents>(
            "val-z", "What z is in validation; with mu the loss is no bound"),
        real<&Options::clip_norm, parse_non_negative>(
            "clip-norm", "Largest global norm of the gradient; 0: not clipped"),
        choice<&Options::binarize, kBinarizationNames>(
            "binarize",
            "Black and white pixels, drawn from the grey ones: static once, dynamic anew for every "
            "epoch; threshold: white from 128 on"),
        choice<&Options::shuffle, kSwitches>("shuffle", "on: the images anew for every epoch"),
        integer<&Options::hold_out, 0, kMaxCount>(
            "hold-out",
            "Validate on so many of the last training images, and keep them from "
            "training; 0: on the test images"),
        integer<&Options::seed, 0, UINT64_MAX>("seed", "Of weights, order, noise and pictures"),
        integer<&Options::threads, 0, 1024>("threads", "0: one per processor"),
        choice<&Options::sparsity, kSparsities>(
            "sparsity", "auto: skip the zeros of the images where that is faster; changes no bit"),
        choice<&Options::fuse, kSwitches>(
            "fuse", "on: update each weight as its gradient is computed; changes no bit"),
        integer<&Options::checkpoint_every, 0, kMaxCount>(
            "checkpoint-every", "Batches between checkpoints; 0: one after every epoch"),
        integer<&Options::patience, 0, kMaxCount>(
            "patience", "Stop after so many epochs without a lower val_loss; 0: never"),
        integer<&Options::shards, 1, kMaxShards>(
            "shards",
            "Parts of a batch that are computed apart, by up to as many processes that mpirun "
            "starts (docs/distributed.md)"),
        choice<&Options::mistake, kMistakeNames>(
            "mistake", "For learning: make a classic mistake on purpose, flagged everywhere"),
    };
}

}  // namespace

std::span<const OptionDescription> train_option_descriptions() {
    static const std::vector<OptionDescription> descriptions = make_descriptions();
    return descriptions;
}

std::string option_value(const TrainOptions& options, const std::string& name) {
    for (const OptionDescription& d : train_option_descriptions())
        if (d.name == name) return d.get(options);
    throw Error(ErrorKind::argument, "option_value", "no such option", name, "an option of train");
}

void check_combination(const TrainOptions& options) {
    const bool is_iwae = options.objective == ObjectiveKind::iwae;
    const auto refuse = [&](const char* option, const char* problem, const char* expected) {
        throw Error(ErrorKind::argument, std::string("--") + option, problem,
                    option_value(options, option), expected);
    };
    constexpr const char* kNoParts = "the importance weighted bound has no part to weigh";
    if (is_iwae && options.kl_weight != 1) refuse("beta", kNoParts, "1 with --objective iwae");
    if (is_iwae && options.kl_warmup > 0) refuse("kl-warmup", kNoParts, "0 with --objective iwae");
    if (is_iwae && options.free_bits > 0) refuse("free-bits", kNoParts, "0 with --objective iwae");
    if (options.free_bits > 0 && options.shards > 1)
        refuse("free-bits", "is a floor under the mean over a whole batch", "0 with --shards");
    if (options.mistake != Mistake::none &&
        (is_iwae || options.samples > 1 || options.free_bits > 0))
        refuse("mistake", "is made in the plain objective alone",
               "no --objective iwae, --samples or --free-bits beside it");
}

std::span<const OptionDescription> shorthand_descriptions() {
    constexpr auto kStandsForOthers = [](const Options&) { return std::string(); };
    static const std::vector<OptionDescription> descriptions = {
        {"convention", "keras|torch|flax|iwae",
         "Train as that program does: sets every option that makes a difference, but for those "
         "that are given beside it, and prints what it set (docs/conventions.md)",
         true,
         [](Options& o, const std::string& where, const std::string& value) {
             apply_convention(parse_convention(where, value), o);
         },
         kStandsForOthers},
        {"likelihood", "bernoulli|gaussian|continuous-bernoulli",
         "Of the pixels: a --recon-loss by its distribution (bce, gaussian, continuous-bernoulli)",
         true,
         [](Options& o, const std::string& where, const std::string& value) {
             apply_likelihood(where, value, o);
         },
         kStandsForOthers},
    };
    return descriptions;
}

void apply(const std::map<std::string, std::string>& values, TrainOptions& options,
           const std::string& prefix) {
    const auto apply_some = [&](std::span<const OptionDescription> some) {
        for (const OptionDescription& d : some)
            if (const auto value = values.find(d.name); value != values.end())
                d.set(options, prefix + d.name, value->second);
    };
    const std::span<const OptionDescription> shorthands = shorthand_descriptions();
    apply_some(shorthands.first(1));  // what is given beside a convention wins over it
    apply_some(train_option_descriptions());
    const ReconLoss recon_loss = options.recon_loss;
    apply_some(shorthands.last(1));
    if (values.contains("recon-loss") && options.recon_loss != recon_loss)
        throw Error(ErrorKind::argument, prefix + "likelihood", "contradicts recon-loss",
                    values.at("likelihood") + " and " + values.at("recon-loss"), "one of the two");
}

// Whether the user said what the option with this name is to be, by its name or a shorthand.
static bool is_given(const std::map<std::string, std::string>& given, const std::string& name) {
    if (given.contains(name)) return true;
    if (name == "recon-loss" && given.contains("likelihood")) return true;
    const auto convention = given.find("convention");
    if (convention == given.end()) return false;
    for (const auto& setting : settings_of(parse_convention("", convention->second)))
        if (setting.first == name) return true;
    return false;
}

// What --resume may change. Whether the data are the same is told by their hash, wherever they lie.
static bool may_change(const std::string& name) {
    static const std::set<std::string> free{"epochs", "threads", "data", "sparsity", "fuse"};
    return free.contains(name);
}

std::string hash_of_options(const TrainOptions& options) {
    std::string text;
    for (const OptionDescription& d : train_option_descriptions()) {
        if (may_change(d.name) || d.name == "checkpoint-every" || d.name == "patience") continue;
        const std::string value = d.get(options);
        if (value != d.get(TrainOptions{})) text += d.name + " = " + value + "\n";
    }
    return sha256_hex(std::as_bytes(std::span(text)));
}

std::string find_contradiction(const TrainOptions& run, const TrainCommand& now) {
    for (const OptionDescription& d : train_option_descriptions()) {
        if (may_change(d.name)) continue;
        if (!is_given(now.given, d.name)) continue;
        if (d.get(run) != d.get(now.options)) return d.name;
    }
    return {};
}

}  // namespace handgrad::apps::mnist_vae
