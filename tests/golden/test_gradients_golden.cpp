// The library's backward pass against PyTorch's autograd, tensor by tensor.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "../../apps/mnist_vae/model/vae.hpp"
#include "../../core/random.hpp"
#include "../support/each_isa.hpp"
#include "../support/near.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;

namespace {

constexpr Index kImages = 6, kPixels = 12, kLatent = 2;

template <class Enum, class Names>
Enum choose(const std::string& name, const Names& names) {
    for (std::size_t i = 0; i < std::size(names); ++i)
        if (name == names[i]) return static_cast<Enum>(i);
    FAIL("no such name: " << name);
    return {};
}

std::vector<double> row_by_row(ConstBlockedView m) {
    std::vector<double> values;
    for (Index i = 0; i < m.rows; ++i)
        for (Index j = 0; j < m.cols; ++j) values.push_back(double(m(i, j)));
    return values;
}

}  // namespace

TEST_CASE("gradients agree with PyTorch's autograd to 1e-5 relative, on every instruction set") {
    std::ifstream file(HANDGRAD_SOURCE_DIR "/tests/golden/gradients.json");
    const nlohmann::json golden = nlohmann::json::parse(file);
    const auto seed = golden.at("seed").get<std::uint64_t>();
    REQUIRE(golden.at("cases").size() == 12);

    Matrix x(kImages, kPixels), noise(kImages, kLatent);
    for (Index i = 0; i < kImages; ++i)
        for (Index j = 0; j < kPixels; ++j) x(i, j) = float((7 * i + 5 * j) % 9) / 8;
    std::vector<std::uint32_t> samples(kImages);
    std::iota(samples.begin(), samples.end(), 0);

    for (const nlohmann::json& c : golden.at("cases")) {
        const auto activation = c.at("activation").get<std::string>();
        const auto recon_loss = c.at("recon_loss").get<std::string>();
        CAPTURE(activation);
        CAPTURE(recon_loss);
        for_each_isa([&] {
            fill_noise(seed, Purpose::training_noise, 1, samples, noise);
            Vae model({.image_rows = 3,
                       .image_cols = 4,
                       .hidden = {7, 5},
                       .latent = kLatent,
                       .activation = choose<Activation>(activation, kActivationNames),
                       .recon_loss = choose<ReconLoss>(recon_loss, kReconLossNames)});
            model.initialize(Initializer::torch, seed);
            const LossTerms terms = model.forward_training(
                x, noise, {.kl_weight = golden.at("kl_weight").get<float>()});
            model.backward();
            const double want_loss = c.at("loss").get<double>();
            CHECK(std::abs(terms.loss - want_loss) <= 1e-6 * want_loss);
            const auto tensors = model.tensors(model.arena().gradients());
            REQUIRE(tensors.size() == c.at("gradients").size());
            for (std::size_t t = 0; t < tensors.size(); ++t) {
                CAPTURE(tensors[t].name);
                const auto want = c.at("gradients")[t].get<std::vector<double>>();
                CHECK(relative_l2_error(row_by_row(tensors[t].values), want) <= 1e-5);
            }
        });
    }
}
