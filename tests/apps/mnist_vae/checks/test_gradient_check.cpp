#include "../../../../apps/mnist_vae/checks/gradient_check.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "../../../../core/error.hpp"
#include "../../../support/convert.hpp"
#include "../../../support/each_isa.hpp"
#include "../../../support/gradcheck.hpp"

using namespace handgrad;
using namespace handgrad::apps::mnist_vae;
using namespace handgrad::test;

namespace {

struct Setting {
    explicit Setting(Architecture architecture, Index n = 16)
        : model(architecture),
          x(random_matrix(n, architecture.pixels(), 1, 0, 1)),
          noise(random_matrix(n, architecture.latent, 2, -2, 2)) {
        model.initialize(Initializer::torch, 3);
    }
    GradientCheck check(const GradientCheckPlan& plan = {}) {
        return check_gradients(model, x, noise, plan, [](const GradientRow&) {});
    }
    Vae model;
    Matrix x, noise;
};

Architecture small(ReconLoss loss = ReconLoss::bce, Activation f = Activation::relu) {
    return {.image_rows = 4,
            .image_cols = 5,
            .hidden = {12, 9},
            .latent = 3,
            .activation = f,
            .recon_loss = loss};
}

}  // namespace

TEST_CASE("check_gradients: every activation and loss passes on every instruction set") {
    for (const ReconLoss loss :
         {ReconLoss::bce, ReconLoss::bce_probabilities, ReconLoss::mse, ReconLoss::bce_clamped_logs,
          ReconLoss::continuous_bernoulli, ReconLoss::gaussian})
        for (const Activation f :
             {Activation::linear, Activation::relu, Activation::tanh, Activation::sigmoid})
            for_each_isa([&] {
                Setting s(small(loss, f));
                const GradientCheck check =
                    s.check({.objective = {.kl_weight = 0.5f}, .elements = 20});
                for (const GradientRow& row : check.rows) {
                    CAPTURE(row.tensor);
                    CAPTURE(row.path);
                    CHECK(row.problem == "");
                    CHECK(row.double_errors.worst <= kDoubleTolerance);
                    CHECK(row.float_errors.relative_l2 <= kFloatTolerance);
                }
                CHECK(check.passed());
                CHECK(check.images == 8);
            });
}

TEST_CASE("check_gradients: the rows are every tensor and every path to it") {
    Setting s(small());
    std::set<std::string> got, want;
    std::size_t called = 0;
    const GradientCheck check =
        check_gradients(s.model, s.x, s.noise, {.elements = 0},
                        [&](const GradientRow& row) { called += row.elements == row.size; });
    for (const GradientRow& row : check.rows) got.insert(row.tensor + " " + row.path);
    for (const std::string tensor : {"encoder.0", "encoder.1", "mu", "logvar"})
        for (const std::string kind : {".weight", ".bias"})
            for (const std::string path : {"recon through z", "kl", "recon + kl"})
                want.insert(tensor + kind + " " + path);
    for (const std::string tensor : {"decoder.0", "decoder.1", "decoder.2"})
        for (const std::string kind : {".weight", ".bias"}) want.insert(tensor + kind + " recon");
    CHECK(got == want);
    CHECK(check.rows.size() == want.size());
    CHECK(called == want.size());

    // Without a KL divergence there is no path of it.
    for (const GradientRow& row : s.check({.objective = {.kl_weight = 0}}).rows)
        CHECK(row.path.find("kl") == std::string::npos);
}

TEST_CASE("check_gradients: a model whose gradients are all zero is not proven") {
    Setting s(small(ReconLoss::bce, Activation::tanh));
    for (const NamedTensor& t : s.model.tensors(s.model.arena().values()))
        for (Index i = 0; i < t.values.rows; ++i)
            for (Index j = 0; j < t.values.cols; ++j) t.values(i, j) = 0;
    const GradientCheck check = s.check();
    CHECK_FALSE(check.passed());
    std::size_t zero = 0;
    for (const GradientRow& row : check.rows) zero += row.problem == "nearly all zero";
    CHECK(zero > 10);
}

TEST_CASE("check_gradients: parameters that are not numbers are not proven") {
    Setting s(small());
    s.model.tensors(s.model.arena().values())[0].values(0, 0) = NAN;
    bool proven = false;
    try {
        proven = s.check().passed();
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::mismatch);
    }
    CHECK_FALSE(proven);
}

TEST_CASE("check_gradients: images at a kink are left out, and half of them are too many") {
    // A pre-activation x w + b with b = -(x w) as float rounds it: 0 in float, above it in double.
    Setting s(small());
    const auto tensors = s.model.tensors(s.model.arena().values());
    const float w = -1.0f / 3;
    float x = 0.9f;
    while (double(x) * double(w) <= double(x * w)) x = std::nextafter(x, 1.0f);
    for (Index i = 0; i < 20; ++i) tensors[0].values(i, 0) = i == 0 ? w : 0;
    tensors[1].values(0, 0) = -(x * w);
    for (Index n = 0; n < 16; ++n) s.x(n, 0) = n < 5 ? x : 0.5f;
    const GradientCheck check = s.check({.images = 8});
    CHECK(check.passed());
    CHECK(check.images == 8);
    CHECK(check.skipped_images == 5);

    for (Index n = 0; n < 13; ++n) s.x(n, 0) = x;
    try {
        s.check({.images = 8});
        FAIL("three images of eight were enough");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::mismatch);
    }
}
