// The library in float follows PyTorch in float over the first 30 steps: same weights, order and
// noise. After that a ReLU flips somewhere and runs in float part ways.
#include <doctest/doctest.h>

#include <cmath>

#include "../../apps/common/batches.hpp"
#include "../../apps/mnist_vae/model/vae.hpp"
#include "../../optim/adam.hpp"
#include "../support/each_isa.hpp"
#include "golden.hpp"

using namespace handgrad;
using namespace handgrad::apps;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;

namespace {

ReconLoss recon_loss(const std::string& name) {
    if (name == "mse") return ReconLoss::mse;
    if (name == "bce-probabilities") return ReconLoss::bce_probabilities;
    REQUIRE(name == "bce");
    return ReconLoss::bce;
}

// The worst relative difference of 30 losses.
double worst_difference(const Golden& golden, const GoldenCase& c, const IdxImages& images) {
    Vae model({.hidden = {c.hidden}, .latent = c.latent, .recon_loss = recon_loss(c.recon_loss)});
    model.initialize(c.init == "glorot" ? Initializer::glorot : Initializer::torch, golden.seed);
    AdamConfig config = c.adam == "torch" ? AdamConfig::torch() : AdamConfig::keras();
    REQUIRE(config.epsilon == c.epsilon);
    Adam adam(model.arena(), config);
    Batches batches(images, Index(golden.batch_size));
    Matrix x, noise;
    double worst = 0;
    std::size_t step = 0;
    for (std::uint32_t epoch = 1; step < c.float32.recon.size(); ++epoch) {
        batches.start_epoch(golden.seed, epoch);
        for (Index b = 0; b < batches.batches_per_epoch() && step < c.float32.recon.size(); ++b) {
            const auto samples = batches.samples(b);
            batches.load(b, x.resize(Index(samples.size()), 784));
            fill_noise(golden.seed, Purpose::training_noise, epoch, samples,
                       noise.resize(Index(samples.size()), c.latent));
            const LossTerms terms = model.forward_training(x, noise, {});
            model.backward();
            adam.step(c.learning_rate);
            const double want = c.float32.recon[step] + c.float32.kl[step];
            const double difference = std::abs(terms.loss - want) / std::abs(want);
            if (!(difference <= worst)) worst = difference;
            ++step;
        }
    }
    return worst;
}

}  // namespace

TEST_CASE("the first 30 losses agree with PyTorch to 1e-5 relative, on every instruction set") {
    const Golden golden = read_golden();
    const IdxImages images{Index(golden.images), 28, 28, sample_pixels(golden), ""};
    for (const GoldenCase& c : golden.cases) {
        INFO(c.name());
        for_each_isa([&] {
            // One case is enough for the slow scalar set: its bits are those of the vector sets,
            // which other tests show for every kernel.
            if (active_isa() == Isa::scalar && &c != &golden.cases.front()) return;
            REQUIRE(c.float32.recon.size() == 30);
            CHECK(worst_difference(golden, c, images) <= 1e-5);
        });
    }
}
