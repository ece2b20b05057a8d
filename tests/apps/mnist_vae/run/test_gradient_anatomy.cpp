#include "../../../../apps/mnist_vae/run/gradient_anatomy.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>

#include "../../../../core/error.hpp"
#include "../../../support/convert.hpp"
#include "../../../support/temporary_directory.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;

TEST_CASE("gradient anatomy: norms and cosines per latent and of all") {
    // Two images, two latents: columns are mu 0, mu 1, logvar 0, logvar 1.
    Matrix recon(2, 4), kl(2, 4);
    recon(0, 0) = 3, recon(1, 0) = 4, kl(0, 0) = -6, kl(1, 0) = -8;  // opposed
    recon(0, 1) = 1, kl(1, 1) = 2;                                   // at right angles
    recon(0, 2) = 5;                                                 // no pull of the KL
    kl(1, 3) = 0.5f;
    const auto anatomy = measure_anatomy({recon, kl});
    REQUIRE(anatomy.size() == 3);
    CHECK(anatomy[0].mu.recon == 5);
    CHECK(anatomy[0].mu.kl == 10);
    CHECK(anatomy[0].mu.cosine == -1);
    CHECK(anatomy[1].mu.recon == 1);
    CHECK(anatomy[1].mu.kl == 2);
    CHECK(anatomy[1].mu.cosine == 0);
    CHECK(anatomy[0].logvar.recon == 5);
    CHECK(anatomy[0].logvar.kl == 0);
    CHECK(anatomy[0].logvar.cosine == 0);
    CHECK(anatomy[1].logvar.kl == 0.5);
    CHECK(anatomy[2].mu.recon == std::sqrt(26.0));
    CHECK(anatomy[2].mu.kl == std::sqrt(104.0));
    CHECK(std::abs(anatomy[2].mu.cosine - -50 / std::sqrt(26.0 * 104.0)) <= 1e-15);
    CHECK(anatomy[2].logvar.recon == 5);
}

TEST_CASE("gradient anatomy: the parts at the head are those that reach the biases of the heads") {
    Vae model({.image_rows = 4, .image_cols = 5, .hidden = {12}, .latent = 3});
    model.initialize(Initializer::torch, 3);
    const Matrix x = random_matrix(6, 20, 1, 0, 1), noise = random_matrix(6, 3, 2, -2, 2);
    model.forward_training(x, noise, {.kl_weight = 0.5f});
    model.backward();
    const Vae::HeadGradients head = model.head_gradients();
    Matrix recon = copy(head.recon), kl = copy(head.kl);
    for (const LossPart part : {LossPart::recon, LossPart::kl}) {
        model.backward_part(part);
        const Matrix& gradients = part == LossPart::recon ? recon : kl;
        for (const NamedTensor& t : model.tensors(model.arena().gradients())) {
            if (t.name != "mu.bias" && t.name != "logvar.bias") continue;
            for (Index j = 0; j < 3; ++j) {
                double sum = 0, size = 0;
                for (Index i = 0; i < 6; ++i) {
                    const double g = double(gradients(i, t.name == "mu.bias" ? j : 3 + j));
                    sum += g;
                    size += std::abs(g);
                }
                CAPTURE(t.name);
                CHECK(std::abs(sum - double(t.values(0, j))) <= 6 * 0x1p-24 * size);
                CHECK(size > 0);
            }
        }
    }
    // The KL divergence pulls mu towards 0 by kl_weight mu / n.
    const ConstMatrixView mu = model.posterior().mu;
    for (Index i = 0; i < 6; ++i)
        for (Index j = 0; j < 3; ++j) CHECK(kl(i, j) == mu(i, j) * (0.5f / 6));
}

TEST_CASE("gradient anatomy: the file, begun and gone on with") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "gradients.csv";
    const std::vector<GradientAnatomy> one = {{{1, 2, -1}, {0.5, 0, 0}}, {{1, 2, -1}, {0.5, 0, 0}}};
    auto first = std::make_unique<GradientCsv>(
        path, GradientSource{.latent = 1, .steps_per_epoch = 10, .last_step = 0});
    first->begin();
    for (Index step = 1; step <= 4; ++step) first->append(step, 1, one);
    CHECK_THROWS_WITH_AS(GradientCsv(path, {1, 10, 2}), doctest::Contains("another process"), Error);
    first.reset();
    GradientCsv second(path, {.latent = 1, .steps_per_epoch = 10, .last_step = 2});
    second.begin();
    second.append(3, 1, one);
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    CHECK(text.str() ==
          "step,epoch,latent,mu_recon,mu_kl,mu_cosine,logvar_recon,logvar_kl,logvar_cosine\n"
          "1,1,0,1,2,-1,0.5,0,0\n1,1,all,1,2,-1,0.5,0,0\n"
          "2,1,0,1,2,-1,0.5,0,0\n2,1,all,1,2,-1,0.5,0,0\n"
          "3,1,0,1,2,-1,0.5,0,0\n3,1,all,1,2,-1,0.5,0,0\n");
}

TEST_CASE("gradient anatomy: the rows of another training are refused, and stay") {
    const TemporaryDirectory folder;
    const std::string path = folder.path() / "gradients.csv";
    const std::string header =
        "step,epoch,latent,mu_recon,mu_kl,mu_cosine,logvar_recon,logvar_kl,logvar_cosine\n";
    const std::string good = header + "9,1,0,1,1,1,1,1,1\n9,1,all,1,1,1,1,1,1\n";
    const GradientSource source{.latent = 1, .steps_per_epoch = 10, .last_step = 12};
    for (const char* row :
         {"10,2,0,1,1,1,1,1,1", "11,1,0,1,1,1,1,1,1", "9,1,0,1,1,1,1,1,1", "8,1,0,1,1,1,1,1,1",
          "10,1,1,1,1,1,1,1,1", "10,1,all,1,1,1,1,1,1", "10,1,0,nan,1,1,1,1,1", "10,1,0,1,1,1,1,1",
          "33,4,0,1,1,1,1,1,1", "nonsense", ""}) {
        CAPTURE(row);
        std::ofstream(path) << good << row << "\n";
        CHECK_THROWS_WITH_AS(GradientCsv(path, source), doctest::Contains("gradients.csv, line 4"),
                             Error);
        std::stringstream text;
        text << std::ifstream(path).rdbuf();
        CHECK(text.str() == good + row + "\n");
    }
    // As far as a training comes after its last checkpoint but one; half a step goes.
    std::ofstream(path) << good << "32,4,0,1,1,1,1,1,1\n32,4,all,1,1,1,1,1,1\n";
    CHECK_NOTHROW(GradientCsv(path, source));
    std::ofstream(path) << good << "10,1,0,1,1,1,1,1,1\n";
    GradientCsv(path, source).begin();
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    CHECK(text.str() == good);
}
