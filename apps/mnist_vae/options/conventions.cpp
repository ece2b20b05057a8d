#include "conventions.hpp"

#include <iterator>

#include "../../common/option_values.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

constexpr int kConventions = static_cast<int>(std::size(kConventionNames));

constexpr const char* kPrograms[kConventions] = {
    "the dense autoencoder of Keras' examples",
    "vae of pytorch/examples",
    "vae of Flax' examples",
    "the authors' program for importance weighted autoencoders",
};

struct Row {
    const char* option;
    const char* values[kConventions];
};

// keras: keras/examples/variational_autoencoder.py of Keras 2, with Keras 3's binary_crossentropy.
// torch: pytorch/examples, vae/main.py. flax: google/flax, examples/vae, where optax.adam has
// epsilon where PyTorch has it. iwae: yburda/iwae, one stochastic layer, k = 1, as the program has
// it and not as the paper says (beta1 0.99).
constexpr Row kTable[] = {
    // option, and its value of keras, torch, flax, iwae
    {"hidden", {"512", "400", "500", "200,200"}},
    {"latent", {"2", "20", "20", "50"}},
    {"activation", {"relu", "relu", "relu", "tanh"}},
    {"epochs", {"50", "10", "30", "3280"}},
    {"batch-size", {"128", "128", "128", "20"}},
    {"lr", {"0.001", "0.001", "0.001", "0.001"}},
    {"lr-schedule", {"constant", "constant", "constant", "iwae"}},
    {"optimizer", {"adam", "adam", "adam", "adam"}},
    {"adam", {"keras", "torch", "torch", "iwae"}},
    {"init", {"glorot", "torch", "lecun", "glorot"}},
    {"output-bias", {"zero", "zero", "zero", "data"}},
    {"recon-loss", {"bce-probabilities", "bce-clamped-logs", "bce", "bce"}},
    {"beta", {"1", "1", "1", "1"}},
    {"kl-warmup", {"0", "0", "0", "0"}},
    {"free-bits", {"0", "0", "0", "0"}},
    {"objective", {"vae", "vae", "vae", "iwae"}},
    {"samples", {"1", "1", "1", "1"}},
    {"reduction", {"mean", "sum", "mean", "sum"}},
    {"head", {"logvar", "logvar", "logvar", "log-sigma"}},
    {"val-z", {"sampled", "sampled", "sampled", "sampled"}},
    {"clip-norm", {"0", "0", "0", "0"}},
    {"binarize", {"none", "none", "static", "dynamic"}},
    {"shuffle", {"on", "on", "on", "off"}},
    {"hold-out", {"0", "0", "10000", "400"}},
};

constexpr ReconLoss kPlainLoss[] = {ReconLoss::bce, ReconLoss::gaussian,
                                    ReconLoss::continuous_bernoulli};

// The items with commas between them, in lines that fit a terminal below the header's labels.
std::string wrap(const std::vector<std::string>& items) {
    constexpr std::size_t kColumns = 79;
    const std::string indent(11, ' ');
    std::string text, line = indent;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string item = items[i] + (i + 1 < items.size() ? "," : "");
        if (line.size() + 1 + item.size() > kColumns) {
            text += "\n" + line;
            line = indent;
        }
        line += (line == indent ? "" : " ") + item;
    }
    return text + "\n" + line;
}

}  // namespace

Convention parse_convention(const std::string& where, const std::string& name) {
    return static_cast<Convention>(parse_choice(where, name, kConventionNames, kConventions));
}

std::vector<std::pair<std::string, std::string>> settings_of(Convention convention) {
    std::vector<std::pair<std::string, std::string>> settings;
    for (const Row& row : kTable)
        settings.emplace_back(row.option, row.values[static_cast<int>(convention)]);
    return settings;
}

void apply_convention(Convention convention, TrainOptions& options) {
    const auto settings = settings_of(convention);
    apply({settings.begin(), settings.end()}, options, "--");
}

std::string describe_convention(const std::map<std::string, std::string>& given,
                                const TrainOptions& options) {
    const auto name = given.find("convention");
    if (name == given.end()) return {};
    const Convention convention = parse_convention("--convention", name->second);
    std::vector<std::string> set, changed;
    for (const auto& [option, value] : settings_of(convention)) {
        const std::string now = option_value(options, option);
        set.push_back(option + " " + value);
        if (now != value) changed.push_back(option + " " + now);
    }
    std::string text =
        name->second + ", " + kPrograms[static_cast<int>(convention)] + ":" + wrap(set);
    if (!changed.empty()) {
        changed.front() = "but, as you say, " + changed.front();
        text += wrap(changed);
    }
    return text;
}

Likelihood likelihood_of(ReconLoss loss) {
    switch (loss) {
        case ReconLoss::bce:
        case ReconLoss::bce_probabilities:
        case ReconLoss::bce_clamped_logs:
            return Likelihood::bernoulli;
        case ReconLoss::gaussian:
            return Likelihood::gaussian;
        case ReconLoss::continuous_bernoulli:
            return Likelihood::continuous_bernoulli;
        case ReconLoss::mse:
            break;
    }
    return Likelihood::none;
}

void apply_likelihood(const std::string& where, const std::string& name, TrainOptions& options) {
    const int wanted = parse_choice(where, name, kLikelihoodNames, std::size(kLikelihoodNames));
    if (likelihood_of(options.recon_loss) != static_cast<Likelihood>(wanted))
        options.recon_loss = kPlainLoss[wanted];
}

}  // namespace handgrad::apps::mnist_vae
