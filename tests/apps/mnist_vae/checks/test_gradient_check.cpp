#include "../../../../apps/mnist_vae/checks/gradient_check.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "../../../support/convert.hpp"
#include "../../../support/each_isa.hpp"
#include "../../../support/gradcheck.hpp"
#include "trained_states.hpp"

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
        return check_gradients(model, candidates(), plan, [](const GradientRow&) {});
    }
    // The same images at each attempt, so that there are no others.
    Candidates candidates() const {
        return [this](Index) { return ImageBatch{copy(x), copy(noise)}; };
    }
    static Matrix copy(const Matrix& m) {
        Matrix c(m.rows(), m.cols());
        for (Index i = 0; i < m.rows(); ++i) std::copy_n(m.row(i), m.cols(), c.row(i));
        return c;
    }
    void fill_biases(float value) {
        for (const NamedTensor& t : model.tensors(model.arena().values()))
            for (Index j = 0; !t.is_weight && j < t.values.cols; ++j) t.values(0, j) = value;
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
                    CHECK(row.unmeasured == "");
                    CHECK(row.double_errors.worst <= kDoubleTolerance);
                    CHECK(row.float_errors.worst <= kFloatTolerance);
                    CHECK(row.kinks == 0);
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
        check_gradients(s.model, s.candidates(), {.elements = 0},
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

TEST_CASE("check_gradients: a model whose gradients are all zero is not proven, and not wrong") {
    Setting s(small(ReconLoss::bce, Activation::tanh));
    for (const NamedTensor& t : s.model.tensors(s.model.arena().values()))
        for (Index i = 0; i < t.values.rows; ++i)
            for (Index j = 0; j < t.values.cols; ++j) t.values(i, j) = 0;
    const GradientCheck check = s.check();
    CHECK_FALSE(check.passed());
    CHECK(check.failed() == 0);
    // The last bias has a gradient, and no other tensor.
    CHECK(check.unmeasured_tensors().size() == 13);
    for (const GradientRow& row : check.rows)
        CHECK(row.unmeasured == (row.tensor == "decoder.2.bias" ? "" : "every value is zero"));
}

TEST_CASE("check_gradients: a backward pass that computes nothing, or a little less, is wrong") {
    struct Scaled : StepHooks {
        explicit Scaled(float by) : factor(by) {}
        void losses(double&, double&, MatrixView doutput, MatrixView dmu,
                    MatrixView dlogvar) override {
            for (const MatrixView& m : {doutput, dmu, dlogvar})
                for (Index i = 0; i < m.rows; ++i)
                    for (Index j = 0; j < m.cols; ++j) m(i, j) *= factor;
        }
        float factor;
    };
    for (const Activation f : {Activation::relu, Activation::sigmoid})
        for (const float factor : {0.0f, -1.0f, 1.0001f}) {
            Setting s(small(ReconLoss::bce, f));
            for (Index n = 0; n < 16; ++n)  // of most elements a gradient of 0 is right
                for (Index i = 1; i < 20; ++i) s.x(n, i) = 0;
            Scaled hooks(factor);
            s.model.set_hooks(hooks);
            const GradientCheck check = s.check();
            for (const GradientRow& row : check.rows) {
                CAPTURE(row.tensor);
                CAPTURE(row.path);
                CHECK(row.problem == "float is wrong");
            }
        }
}

TEST_CASE("check_gradients: parameters that are not numbers are wrong") {
    for (const float value : {NAN, INFINITY}) {
        Setting s(small());
        s.model.tensors(s.model.arena().values())[0].values(0, 0) = value;
        CHECK(s.check().failed() > 0);
    }
}

TEST_CASE("check_gradients: ReLUs that are off are switched on, or it is said that nothing shows") {
    for (const float bias : {-1.2f, -1e4f}) {
        CAPTURE(bias);
        Setting s(small());
        const BlockedView first = s.model.tensors(s.model.arena().values())[1].values;
        for (Index j = 0; j < first.cols; ++j) first(0, j) = bias;
        const GradientCheck check = s.check();
        CHECK(check.failed() == 0);
        CHECK(check.made_images == (bias == -1.2f));
        CHECK(check.unmeasured_tensors().empty() == (bias == -1.2f));
    }
}

TEST_CASE("check_gradients: images that are all black have gradients of zero, and none is wrong") {
    // With biases of zero, as here, every ReLU of the encoder is at its kink.
    Setting s(small());
    s.fill_biases(0);
    for (Index n = 0; n < 16; ++n)
        for (Index i = 0; i < 20; ++i) s.x(n, i) = 0;
    const GradientCheck check = s.check();
    CHECK(check.failed() == 0);
    CHECK(check.images == 8);
    CHECK_FALSE(check.made_images);
    CHECK(check.unmeasured_tensors() ==
          std::vector<std::string>{"encoder.0.weight", "encoder.0.bias", "encoder.1.weight",
                                   "encoder.1.bias", "mu.weight", "logvar.weight"});
}

TEST_CASE("check_gradients: images at a kink are left out, and others made if that is too many") {
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
    CHECK_FALSE(check.made_images);

    for (Index n = 0; n < 13; ++n) s.x(n, 0) = x;
    const GradientCheck made = s.check({.images = 8});
    CHECK(made.failed() == 0);
    CHECK(made.made_images);
    CHECK(made.images == 8);
}

TEST_CASE("check_gradients: no false alarm while nets are trained") {
    for (const Net& net : kNets) {
        if (net.images == "digits") continue;  // larger: gradient_alarms has them
        CAPTURE(net.images);
        CAPTURE(net.options);
        check_states(net, 10, 10, 10, [&](Index epoch, const GradientCheck& check) {
            CAPTURE(epoch);
            CHECK(check.failed() == 0);
            CHECK((check.unmeasured_tensors().empty() || net.may_be_silent));
        });
    }
}
