#include "../../../../apps/mnist_vae/model/likelihood.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <numbers>
#include <vector>

#include "../../../../core/error.hpp"
#include "../../../../core/parallel.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;

namespace {

// A model whose -log p(x) is known: z ~ N(0, I), x = W z + b + noise of variance v, all linear, so
// that x ~ N(b, W W^T + v I). The images are of 4 x 4 pixels, z is two-dimensional.
//
// The posterior of z is N(S W^T (x - b) / v, S) with S = (I + W^T W / v)^-1.
constexpr Index kPixels = 16, kLatent = 2;
constexpr double kVariance = 0.1;

struct LinearGaussian {
    // With orthogonal columns of W, S is diagonal, and so an encoder can be the posterior itself.
    explicit LinearGaussian(bool orthogonal) {
        for (Index p = 0; p < kPixels; ++p) {
            b[p] = 0.3 + 0.02 * double(p);
            w[p][0] = 0.25 * (p % 2 == 0 ? 1 : -1);
            w[p][1] = orthogonal ? (p < 8 ? 0.3 : -0.3) : 0.3 * std::cos(double(p)) + 0.2 * w[p][0];
        }
        double g[2][2] = {};  // I + W^T W / v
        for (int i = 0; i < 2; ++i)
            for (int j = 0; j < 2; ++j) {
                g[i][j] = i == j;
                for (Index p = 0; p < kPixels; ++p) g[i][j] += w[p][i] * w[p][j] / kVariance;
            }
        determinant = g[0][0] * g[1][1] - g[0][1] * g[1][0];
        const double s01 = -g[0][1] / determinant;
        s[0][0] = g[1][1] / determinant, s[1][1] = g[0][0] / determinant;
        s[0][1] = s[1][0] = s01;
    }

    // By the matrix determinant lemma and Woodbury's identity, in double.
    double exact(const std::uint8_t* pixels) const {
        double d2 = 0, wd[2] = {};
        for (Index p = 0; p < kPixels; ++p) {
            const double d = double(float(pixels[p]) / 255.0f) - b[p];
            d2 += d * d;
            for (int j = 0; j < 2; ++j) wd[j] += w[p][j] * d;
        }
        double quadratic = d2 / kVariance;
        for (int i = 0; i < 2; ++i)
            for (int j = 0; j < 2; ++j)
                quadratic -= wd[i] * s[i][j] * wd[j] / (kVariance * kVariance);
        return 0.5 * (double(kPixels) * std::log(2 * std::numbers::pi * kVariance) +
                      std::log(determinant) + quadratic);
    }

    // Its q has the posterior's mean and, of each latent, `widening` times the variance.
    std::unique_ptr<Vae> model(double widening) const {
        const Architecture architecture{.image_rows = 4,
                                        .image_cols = 4,
                                        .hidden = {kPixels},
                                        .latent = kLatent,
                                        .activation = Activation::linear,
                                        .recon_loss = ReconLoss::gaussian,
                                        .pixel_variance = kVariance};
        auto vae = std::make_unique<Vae>(architecture);
        for (const NamedTensor& t : vae->tensors(vae->arena().values()))
            for (Index i = 0; i < t.values.rows; ++i)
                for (Index j = 0; j < t.values.cols; ++j)
                    t.values(i, j) = float(element(t.name, i, j, widening));
        return vae;
    }

    double b[kPixels], w[kPixels][2], s[2][2], determinant;

  private:
    // The hidden layers pass on what they get: x and, in the decoder, z in the first two places.
    double element(const std::string& name, Index i, Index j, double widening) const {
        if (name == "encoder.0.weight") return i == j;
        if (name == "decoder.0.weight") return i == j;
        if (name == "decoder.1.weight") return i < 2 ? w[j][i] : 0;
        if (name == "decoder.1.bias") return b[j];
        if (name == "logvar.bias") return std::log(widening * s[j][j]);
        if (name == "mu.weight") return mean_weight(i, j);
        if (name == "mu.bias") {
            double sum = 0;
            for (Index p = 0; p < kPixels; ++p) sum -= mean_weight(p, j) * b[p];
            return sum;
        }
        return 0;
    }
    double mean_weight(Index p, Index j) const {
        return (s[j][0] * w[p][0] + s[j][1] * w[p][1]) / kVariance;
    }
};

IdxImages images(Index count) {
    IdxImages images{count, 4, 4, {}, ""};
    for (Index e = 0; e < count * kPixels; ++e)
        images.pixels.push_back(std::uint8_t(40 + (e * 53 + e / 7 * 29) % 160));
    return images;
}

double mean_exact(const LinearGaussian& truth, const IdxImages& data) {
    double sum = 0;
    for (Index i = 0; i < data.count; ++i) sum += truth.exact(data.pixels.data() + i * kPixels);
    return sum / double(data.count);
}

}  // namespace

TEST_CASE("likelihood: with the posterior itself as q every sample gives the exact answer") {
    const LinearGaussian truth(true);
    const auto model = truth.model(1);
    const IdxImages data = images(20);
    const double exact = mean_exact(truth, data);
    for (const LikelihoodBound& rung : estimate_likelihood(*model, data, {.samples = 50})) {
        CAPTURE(rung.samples);
        CHECK(std::abs(rung.bound - exact) <= 2e-5 * std::abs(exact) + 2e-5);
        CHECK(std::abs(rung.effective_samples - double(rung.samples)) <=
              1e-3 * double(rung.samples));
    }
}

TEST_CASE("likelihood: with another q the bounds fall towards the exact answer") {
    const LinearGaussian truth(false);
    const auto model = truth.model(1.5);
    const IdxImages data = images(200);
    const double exact = mean_exact(truth, data);
    const auto ladder = estimate_likelihood(*model, data, {.samples = 5000, .seed = 3});
    REQUIRE(ladder.size() == 5);
    const Index sizes[] = {1, 10, 100, 1000, 5000};
    for (std::size_t r = 0; r < ladder.size(); ++r) {
        CHECK(ladder[r].samples == sizes[r]);
        CHECK(ladder[r].bound >= exact - 1e-3);
        CHECK(ladder[r].standard_error > 0);
        CHECK(ladder[r].effective_samples <= double(sizes[r]));
        if (r > 0) {
            CHECK(ladder[r].bound < ladder[r - 1].bound);
            CHECK(ladder[r].effective_samples > ladder[r - 1].effective_samples);
        }
    }
    // Minus the ELBO: -log p(x) and KL(q, posterior), which is the same for all x here; the mean of
    // 5000 samples of 200 images scatters by far less than a hundredth.
    double kl = -2, log_ratio = -std::log(1.5 * truth.s[0][0]) - std::log(1.5 * truth.s[1][1]);
    log_ratio -= std::log(truth.determinant);
    const double precision[2] = {truth.s[1][1] * truth.determinant,
                                 truth.s[0][0] * truth.determinant};
    for (int j = 0; j < 2; ++j) kl += precision[j] * 1.5 * truth.s[j][j];
    CHECK(std::abs(ladder[0].bound - (exact + 0.5 * (kl + log_ratio))) <= 0.01);
    CHECK(std::abs(ladder.back().bound - exact) <= 1e-3);
}

TEST_CASE("likelihood: the same digits for any number of threads, others for another seed") {
    const LinearGaussian truth(false);
    const auto model = truth.model(2);
    const IdxImages data = images(7);
    const int before = thread_count();
    set_thread_count(1);
    Index done = 0;
    const double one =
        estimate_likelihood(*model, data, {.samples = 1300}, [&](Index n) { CHECK(n == ++done); })
            .back()
            .bound;
    CHECK(done == 7);
    set_thread_count(3);
    CHECK(estimate_likelihood(*model, data, {.samples = 1300}).back().bound == one);
    set_thread_count(before);
    CHECK(estimate_likelihood(*model, data, {.samples = 1300, .seed = 1}).back().bound != one);
    CHECK_THROWS_AS(estimate_likelihood(*model, data, {.samples = 0}), Error);
    CHECK_THROWS_AS(estimate_likelihood(*model, images(0), {}), Error);
}
