// The golden runs: short trainings whose losses PyTorch has computed (make_golden.py). This reads
// the losses and gives a test all it needs to repeat them: the images of the bundled sample, and
// the initial weights, batches and noise, which are functions of the seed.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

#include "../../core/matrix.hpp"
#include "../../core/random.hpp"

namespace handgrad::test {

// One per step, in nats per image; kl without its weight, which is 1 in these runs.
struct GoldenLosses {
    std::vector<double> recon, kl;
};

struct GoldenCase {
    Index hidden, latent;
    std::string init;        // glorot or torch
    std::string recon_loss;  // bce, bce-probabilities or mse
    std::string adam;        // keras or torch
    double learning_rate, epsilon;
    GoldenLosses float32;  // 30 steps
    GoldenLosses float64;  // 100 steps

    std::string name() const {
        return "784-" + std::to_string(hidden) + "-" + std::to_string(latent) + ", " + recon_loss +
               ", " + adam;
    }
};

// The samples of one step, by their position in the training images.
struct GoldenBatch {
    std::uint32_t epoch;  // from 1
    std::vector<std::uint32_t> samples;
};

struct Golden {
    std::uint64_t seed;
    std::size_t batch_size, images;
    std::vector<GoldenCase> cases;
};

inline Golden read_golden() {
    std::ifstream file(HANDGRAD_SOURCE_DIR "/tests/golden/losses.json");
    const nlohmann::json json = nlohmann::json::parse(file);
    const auto losses = [](const nlohmann::json& j) {
        return GoldenLosses{j.at("recon").get<std::vector<double>>(),
                            j.at("kl").get<std::vector<double>>()};
    };
    Golden golden{json.at("seed"), json.at("batch_size"), json.at("images"), {}};
    for (const auto& j : json.at("cases"))
        golden.cases.push_back({j.at("hidden"), j.at("latent"), j.at("init"), j.at("recon_loss"),
                                j.at("adam"), j.at("learning_rate"), j.at("epsilon"),
                                losses(j.at("float32")), losses(j.at("float64"))});
    return golden;
}

// The pixels of all training images of the sample, 784 bytes each.
inline std::vector<std::uint8_t> sample_pixels(const Golden& golden) {
    constexpr std::size_t kHeader = 16;  // of an IDX file of three dimensions
    std::vector<std::uint8_t> bytes(kHeader + 784 * golden.images + 1);
    const char* path = HANDGRAD_SOURCE_DIR "/apps/mnist_vae/sample/train-images-idx3-ubyte.gz";
    gzFile file = gzopen(path, "rb");
    if (file == nullptr) throw std::runtime_error(std::string("cannot open ") + path);
    const int read = gzread(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
    if (read != static_cast<int>(bytes.size()) - 1)
        throw std::runtime_error(std::string(path) + " does not hold the images of the golden run");
    return {bytes.begin() + kHeader, bytes.end() - 1};
}

// The first `steps` batches: a new order every epoch, the last batch of an epoch partial.
inline std::vector<GoldenBatch> golden_batches(const Golden& golden, std::size_t steps) {
    std::vector<GoldenBatch> batches;
    std::vector<std::uint32_t> order(golden.images);
    for (std::uint32_t epoch = 1;; ++epoch) {
        shuffle(golden.seed, epoch, order);
        for (std::size_t first = 0; first < order.size(); first += golden.batch_size) {
            if (batches.size() == steps) return batches;
            const std::size_t last = std::min(first + golden.batch_size, order.size());
            batches.push_back(
                {epoch,
                 {order.begin() + std::ptrdiff_t(first), order.begin() + std::ptrdiff_t(last)}});
        }
    }
}

// weight (in, out), bias (1, out) of: encoder, mu, logvar, hidden decoder layer, output layer.
inline std::vector<Matrix> golden_parameters(const Golden& golden, const GoldenCase& c) {
    const std::array<std::array<Index, 2>, 5> layers = {{{784, c.hidden},
                                                         {c.hidden, c.latent},
                                                         {c.hidden, c.latent},
                                                         {c.latent, c.hidden},
                                                         {c.hidden, 784}}};
    std::vector<Matrix> parameters;
    for (const auto& [in, out] : layers) {
        const bool glorot = c.init == "glorot";
        const auto limit =
            static_cast<float>(glorot ? std::sqrt(6.0 / static_cast<double>(in + out))
                                      : 1 / std::sqrt(static_cast<double>(in)));
        for (const Index rows : {in, Index{1}}) {
            const auto number = static_cast<std::uint32_t>(parameters.size());
            Matrix& parameter = parameters.emplace_back(rows, out);
            const bool bias = number % 2 == 1;
            if (!(bias && glorot))
                fill_uniform(golden.seed, Purpose::initial_weights, 0, number, -limit, limit,
                             parameter);
        }
    }
    return parameters;
}

// The noise of a batch in double, row-major (samples, latent): the same words as fill_noise and the
// same Box-Muller, without the rounding to float, so that it agrees with PyTorch to 1e-15.
inline std::vector<double> golden_noise(const Golden& golden, const GoldenBatch& batch,
                                        Index latent) {
    const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(golden.seed),
                                              static_cast<std::uint32_t>(golden.seed >> 32)};
    const auto purpose = static_cast<std::uint32_t>(Purpose::training_noise);
    std::vector<double> noise;
    for (const std::uint32_t sample : batch.samples) {
        for (Index e = 0; e < latent; ++e) {
            const auto block =
                philox({static_cast<std::uint32_t>(e / 4), sample, batch.epoch, purpose}, key);
            const std::size_t pair = e % 4 < 2 ? 0 : 2;
            const double u = ((block[pair] >> 8) + 1) * 0x1p-24;
            const double radius = std::sqrt(-2 * std::log(u));
            const double angle = 2 * std::numbers::pi * ((block[pair + 1] >> 8) * 0x1p-24);
            noise.push_back(e % 2 == 0 ? radius * std::cos(angle) : radius * std::sin(angle));
        }
    }
    return noise;
}

}  // namespace handgrad::test
