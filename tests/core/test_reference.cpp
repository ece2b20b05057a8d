// The reference is what every other test trusts, so here it is held against numbers computed by
// hand and its gradients against complex-step derivatives of its own forward passes.
#include "../../core/reference.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "../../core/reference_vae.hpp"
#include "../support/gradcheck.hpp"
#include "../support/near.hpp"

using namespace handgrad;
using namespace handgrad::reference;
using namespace handgrad::test;

namespace {

// A few roundings of numbers of about this size.
auto few_ulps(const std::vector<double>& want) {
    return [&want](std::size_t i) { return 8 * 0x1p-53 * (1 + std::abs(want[i])); };
}

// Irregular numbers in [-scale, scale]; none lies where a branch has its corner.
RealTensor values(Index rows, Index cols, double scale, double phase = 0) {
    RealTensor x(rows, cols);
    for (std::size_t e = 0; e < x.size(); ++e)
        x[e] = scale * std::sin(1 + phase + 2.3 * static_cast<double>(e));
    return x;
}

RealTensor targets(Index rows, Index cols) {
    RealTensor t = values(rows, cols, 0.5, 0.7);
    for (double& value : t.data) value += 0.5;
    return t;
}

constexpr Activation kActivations[] = {Activation::linear, Activation::relu, Activation::tanh,
                                       Activation::sigmoid};

}  // namespace

TEST_CASE("dense forward gives the numbers computed by hand") {
    const RealTensor x(2, 3, {1, 2, 3, -1, 0, 4}), b(1, 2, {0.5, -30});
    const RealTensor w(3, 2, {1, 2, 3, 4, 5, 6});
    // 1*1 + 2*3 + 3*5 = 22, 1*2 + 2*4 + 3*6 = 28; -1*1 + 4*5 = 19, -1*2 + 4*6 = 22
    CHECK(dense_forward(x, w, b, Activation::linear).data ==
          std::vector<double>{22.5, -2, 19.5, -8});
    CHECK(dense_forward(x, w, b, Activation::relu).data == std::vector<double>{22.5, 0, 19.5, 0});

    const std::vector<double> tanhs = {1, std::tanh(-2.0), 1, std::tanh(-8.0)};
    CHECK(near_elements(dense_forward(x, w, b, Activation::tanh).data, tanhs, few_ulps(tanhs)));
    const std::vector<double> sigmoids = {1 / (1 + std::exp(-22.5)), 1 / (1 + std::exp(2.0)),
                                          1 / (1 + std::exp(-19.5)), 1 / (1 + std::exp(8.0))};
    CHECK(near_elements(dense_forward(x, w, b, Activation::sigmoid).data, sigmoids,
                        few_ulps(sigmoids)));
}

TEST_CASE("dense backward gives the numbers computed by hand") {
    const RealTensor x(2, 3, {1, 2, 3, -1, 0, 4}), w(3, 2, {1, 2, 3, 4, 5, 6});
    const RealTensor y(2, 2, {22.5, 0, 19.5, 3}), dy(2, 2, {1, 10, 100, 1000});
    const auto d = dense_backward(dy, x, y, w, Activation::relu);
    // The second unit of the first sample is off: da = {1, 0; 100, 1000}.
    CHECK(d.dx.data == std::vector<double>{1, 3, 5, 2100, 4300, 6500});
    CHECK(d.dw.data == std::vector<double>{-99, -1000, 2, 0, 403, 4000});
    CHECK(d.db.data == std::vector<double>{101, 1000});
    CHECK(dense_backward(dy, x, y, w, Activation::relu, false).dx.size() == 0);
}

TEST_CASE("losses give the numbers computed by hand") {
    const RealTensor zeros(2, 3), t(2, 3, {0, 0.25, 1, 1, 0.5, 0});
    CHECK(kl_divergence(zeros, zeros) == 0.0);
    // (1 + 4) / 2 and, for logvar = ln 2, (2 - 1 - ln 2) / 2 three times; mean over two samples
    const double ln2 = std::log(2.0);
    const RealTensor mu(2, 3, {1, 2, 0, 0, 0, 0}), logvar(2, 3, {0, 0, 0, ln2, ln2, ln2});
    CHECK(kl_divergence(mu, logvar) == doctest::Approx((2.5 + 1.5 * (1 - ln2)) / 2).epsilon(1e-15));

    // Squared differences from 1: 1, 0.5625, 0; 0, 0.25, 1
    const RealTensor ones(2, 3, {1, 1, 1, 1, 1, 1});
    CHECK(mse(ones, t) == (1.5625 + 1.25) / 2);
    CHECK(mse_backward(1.0, ones, t).data == std::vector<double>{1, 0.75, 0, 0, 0.5, 1});

    // p = 1/2 gives ln 2 per pixel, whatever the target.
    const RealTensor halves(2, 3, std::vector<double>(6, 0.5));
    CHECK(bce_with_logits(zeros, t) == doctest::Approx(3 * ln2).epsilon(1e-15));
    CHECK(bce_with_probabilities(halves, t) == doctest::Approx(3 * ln2).epsilon(1e-15));
    const std::vector<double> gradient = {0.25, 0.125, -0.25, -0.25, 0, 0.25};
    CHECK(bce_with_logits_backward(1.0, zeros, t).data == gradient);
}

TEST_CASE("with all logits 0 the cross-entropy of 784 pixels is 784 ln 2") {
    const RealTensor logits(128, 784), t = targets(128, 784);
    const double want = 784 * std::log(2.0);
    // 128 * 784 additions, each with a relative error of at most 2^-53 of the sum so far.
    CHECK(std::abs(bce_with_logits(logits, t) - want) <= 128 * 784 * 0x1p-53 * want);
}

TEST_CASE("the cross-entropy is finite and exact for extreme logits") {
    const RealTensor logits(1, 4, {800, -800, 800, -800}), t(1, 4, {1, 0, 0, 1});
    CHECK(bce_with_logits(logits, t) == 1600);
    CHECK(bce_with_logits_backward(1.0, logits, t).data == std::vector<double>{0, 0, 1, -1});
}

TEST_CASE("KL is never negative, however small mu and logvar are") {
    for (double size = 1; size > 1e-300; size /= 8)
        for (const double sign : {-1.0, 1.0})
            CHECK(kl_divergence(RealTensor(1, 1), RealTensor(1, 1, {sign * size})) >= 0);
}

TEST_CASE("reparameterize moves and scales the noise, with logvar clamped") {
    const RealTensor mu(2, 3, {1, 2, 3, 4, 5, 6}), noise(2, 3, {1, -1, 2, 1, 1, 1});
    const RealTensor logvar(2, 3, {0, 2 * std::log(3.0), 0, -1000, 1000, -2 * std::log(2.0)});
    const std::vector<double> want = {2, -1, 5, 4 + std::exp(-15.0), 5 + std::exp(10.0), 6.5};
    CHECK(near_elements(reparameterize(mu, logvar, noise).data, want, few_ulps(want)));
}

TEST_CASE("every scalar function has its exact complex-step derivative") {
    const RealTensor x(1, 8, {-20, -3, -0.5, -1e-9, 1e-9, 0.5, 3, 20});
    const RealTensor ones(1, 8, std::vector<double>(8, 1));
    const auto check = [&](auto function, auto derivative) {
        RealTensor want(1, 8);
        for (std::size_t e = 0; e < x.size(); ++e) want[e] = derivative(x[e]);
        const auto map = [&](const ComplexTensor& in) {
            ComplexTensor out = in;
            for (Complex& value : out.data) value = function(value);
            return out;
        };
        CHECK(gradients_agree(want, complex_step_backward(map, x, ones), 1e-12, 1e-30));
    };
    const auto logistic = [](double v) { return 1 / (1 + std::exp(-v)); };
    check([](Complex z) { return expm1(z); }, [](double v) { return std::exp(v); });
    check([](Complex z) { return softplus(z); }, logistic);
    CHECK(softplus(Complex(0, 1e-30)).imag() == 0.5e-30);  // where max(x, 0) and |x| have a kink
    check([](Complex z) { return sigmoid(z); },
          [&](double v) { return logistic(v) * logistic(-v); });
    check([](Complex z) { return log1p(z * z); }, [](double v) { return 2 * v / (1 + v * v); });
    check([](Complex z) { return absolute(z); }, [](double v) { return v < 0 ? -1.0 : 1.0; });
    check([](Complex z) { return clamp(z, -3, 3); }, [](double v) { return std::abs(v) <= 3; });
}

TEST_CASE("dense backward is the complex-step derivative, for every activation") {
    const RealTensor x = values(5, 7, 1), w = values(7, 6, 0.8, 0.3), b = values(1, 6, 0.5, 0.1);
    const RealTensor dy = values(5, 6, 1, 0.9);
    for (const Activation f : kActivations) {
        CAPTURE(static_cast<int>(f));
        const auto d = dense_backward(dy, x, dense_forward(x, w, b, f), w, f);
        const ComplexTensor cx = to_complex(x), cw = to_complex(w), cb = to_complex(b);
        const auto of_x = [&](const ComplexTensor& t) { return dense_forward(t, cw, cb, f); };
        const auto of_w = [&](const ComplexTensor& t) { return dense_forward(cx, t, cb, f); };
        const auto of_b = [&](const ComplexTensor& t) { return dense_forward(cx, cw, t, f); };
        CHECK(gradients_agree(d.dx, complex_step_backward(of_x, x, dy)));
        CHECK(gradients_agree(d.dw, complex_step_backward(of_w, w, dy)));
        CHECK(gradients_agree(d.db, complex_step_backward(of_b, b, dy)));
    }
}

TEST_CASE("relu has gradient 0 at exactly 0") {
    CHECK(activation_derivative(Activation::relu, 0.0) == 0);
    CHECK(activation_derivative(Activation::relu, -0.0) == 0);
}

TEST_CASE("reparameterize backward is the complex-step derivative on both sides of the clamp") {
    const RealTensor mu = values(4, 3, 2), noise = values(4, 3, 1.5, 0.2), dz = values(4, 3, 1, 1);
    RealTensor logvar = values(4, 3, 3, 0.5);
    logvar[0] = -30.5, logvar[1] = -29.5, logvar[2] = 19.5, logvar[3] = 20.5;
    const auto d = reparameterize_backward(dz, logvar, noise);
    const ComplexTensor cmu = to_complex(mu), cl = to_complex(logvar), cn = to_complex(noise);
    const auto of_mu = [&](const ComplexTensor& t) { return reparameterize(t, cl, cn); };
    const auto of_logvar = [&](const ComplexTensor& t) { return reparameterize(cmu, t, cn); };
    CHECK(gradients_agree(d.dmu, complex_step_backward(of_mu, mu, dz)));
    CHECK(gradients_agree(d.dlogvar, complex_step_backward(of_logvar, logvar, dz), 1e-10, 1e-12));
    CHECK(d.dlogvar[0] == 0);
    CHECK(d.dlogvar[1] != 0);
    CHECK(d.dlogvar[2] != 0);
    CHECK(d.dlogvar[3] == 0);
}

TEST_CASE("KL backward is the complex-step derivative on both sides of the clamp") {
    const RealTensor mu = values(4, 3, 2);
    RealTensor logvar = values(4, 3, 3, 0.5);
    logvar[0] = -30.5, logvar[1] = -29.5, logvar[2] = 19.5, logvar[3] = 20.5;
    const auto d = kl_divergence_backward(0.7, mu, logvar);
    const ComplexTensor cmu = to_complex(mu), cl = to_complex(logvar);
    const auto of_mu = [&](const ComplexTensor& t) { return 0.7 * kl_divergence(t, cl); };
    const auto of_logvar = [&](const ComplexTensor& t) { return 0.7 * kl_divergence(cmu, t); };
    CHECK(gradients_agree(d.dmu, complex_step_gradient(of_mu, mu)));
    CHECK(gradients_agree(d.dlogvar, complex_step_gradient(of_logvar, logvar)));
    CHECK(d.dlogvar[0] == 0);
    CHECK(d.dlogvar[1] != 0);
    CHECK(d.dlogvar[2] != 0);
    CHECK(d.dlogvar[3] == 0);
}

TEST_CASE("the gradients of the pixel losses are their complex-step derivatives") {
    const RealTensor t = targets(3, 5), logits = values(3, 5, 30);
    const ComplexTensor ct = to_complex(t);
    CHECK(gradients_agree(
        bce_with_logits_backward(0.7, logits, t),
        complex_step_gradient([&](const ComplexTensor& a) { return 0.7 * bce_with_logits(a, ct); },
                              logits)));
    CHECK(gradients_agree(
        mse_backward(0.7, logits, t),
        complex_step_gradient([&](const ComplexTensor& y) { return 0.7 * mse(y, ct); }, logits)));
    CHECK(gradients_agree(
        gaussian_nll_backward(0.7, logits, t, 0.2),
        complex_step_gradient(
            [&](const ComplexTensor& y) { return 0.7 * gaussian_nll(y, ct, 0.2); }, logits)));
}

TEST_CASE("gaussian_nll is minus the logarithm of the normal density") {
    // N(0.3; 0.1, 0.25) = exp(-0.08) / sqrt(pi / 2)
    const RealTensor y(1, 1, {0.1}), t(1, 1, {0.3});
    CHECK(gaussian_nll(y, t, 0.25) ==
          doctest::Approx(0.08 + 0.5 * std::log(std::numbers::pi / 2)).epsilon(1e-14));
}

TEST_CASE("the continuous Bernoulli: gradient, both sides of its series, and a density") {
    RealTensor a = values(3, 5, 30);
    const double edge[] = {0, 1e-9, -1e-9, 0.0999, 0.1001, -0.0999, -0.1001, 40, -40};
    std::copy(std::begin(edge), std::end(edge), a.data.begin());
    const RealTensor t = targets(3, 5);
    const ComplexTensor ct = to_complex(t);
    CHECK(gradients_agree(
        continuous_bernoulli_nll_backward(0.7, a, t),
        complex_step_gradient(
            [&](const ComplexTensor& l) { return 0.7 * continuous_bernoulli_nll(l, ct); }, a)));
    // exp(-nll) integrates to 1 over [0, 1]: Simpson's rule.
    for (const double logit : {0.0, 0.05, -0.5, 3.0, -8.0}) {
        constexpr int kSteps = 2000;
        double integral = 0;
        for (int i = 0; i <= kSteps; ++i) {
            const RealTensor l(1, 1, {logit}), x(1, 1, {double(i) / kSteps});
            const double weight = i == 0 || i == kSteps ? 1 : i % 2 == 1 ? 4 : 2;
            integral += weight * std::exp(-continuous_bernoulli_nll(l, x)) / (3 * kSteps);
        }
        CHECK(integral == doctest::Approx(1).epsilon(1e-10));
    }
}

TEST_CASE("PyTorch's clamped cross-entropy: gradient inside, 100 nats at the ends") {
    const RealTensor p = targets(3, 5);
    RealTensor t = values(3, 5, 0.4);
    for (double& value : t.data) value += 0.5;
    RealTensor inner = p;
    for (double& value : inner.data) value = 0.02 + 0.96 * value;
    const ComplexTensor ct = to_complex(t);
    CHECK(gradients_agree(
        bce_with_clamped_logs_backward(0.7, inner, t),
        complex_step_gradient(
            [&](const ComplexTensor& y) { return 0.7 * bce_with_clamped_logs(y, ct); }, inner)));
    const RealTensor zero(1, 1, {0}), one(1, 1, {1});
    CHECK(bce_with_clamped_logs(zero, one) == 100);
    CHECK(bce_with_clamped_logs(one, zero) == 100);
    CHECK(bce_with_clamped_logs(one, one) == 0);
    CHECK(bce_with_clamped_logs_backward(1.0, zero, one)[0] == doctest::Approx(-1e12));
}

TEST_CASE(
    "the cross-entropy of probabilities has no gradient outside the clip, and its own within") {
    RealTensor p = targets(3, 5);
    p[0] = 0, p[1] = 0.9e-7, p[2] = 1.1e-7, p[3] = 1 - 1.1e-7, p[4] = 1 - 0.9e-7, p[5] = 1;
    RealTensor t = values(3, 5, 0.4);
    for (double& value : t.data) value += 0.5;
    const RealTensor dp = bce_with_probabilities_backward(0.7, p, t);
    const ComplexTensor ct = to_complex(t);
    CHECK(gradients_agree(
        dp, complex_step_gradient(
                [&](const ComplexTensor& y) { return 0.7 * bce_with_probabilities(y, ct); }, p)));
    for (const std::size_t outside : {0, 1, 4, 5}) CHECK(dp[outside] == 0);
    for (const std::size_t within : {2, 3, 6}) CHECK(dp[within] != 0);
}

TEST_CASE("the clip of probabilities in float is the one of Keras: 16.118 and 15.942 nats") {
    const Tensor<float> zero(1, 1, {0}), one(1, 1, {1});
    CHECK(bce_with_probabilities(zero, one) == doctest::Approx(16.118).epsilon(1e-4));
    CHECK(bce_with_probabilities(one, zero) == doctest::Approx(15.942).epsilon(1e-4));
}

TEST_CASE("backward of the whole autoencoder is the complex-step derivative of its loss") {
    for (const ReconLoss loss :
         {ReconLoss::bce, ReconLoss::bce_probabilities, ReconLoss::mse, ReconLoss::bce_clamped_logs,
          ReconLoss::continuous_bernoulli, ReconLoss::gaussian}) {
        for (const Activation f : {Activation::relu, Activation::tanh, Activation::sigmoid}) {
            CAPTURE(static_cast<int>(loss));
            CAPTURE(static_cast<int>(f));
            const VaeConfig config{.inputs = 6,
                                   .hidden = {5, 4},
                                   .latent = 3,
                                   .activation = f,
                                   .recon_loss = loss,
                                   .kl_weight = 0.3};
            Vae<double> vae(config);
            Vae<Complex> moved(config);
            for (std::size_t p = 0; p < vae.parameters().size(); ++p) {
                RealTensor& parameter = vae.parameters()[p];
                parameter = values(parameter.rows, parameter.cols, 0.9, static_cast<double>(p));
                moved.parameters()[p] = to_complex(parameter);
            }
            const RealTensor x = targets(4, 6), noise = values(4, 3, 1, 0.4);
            const ComplexTensor cx = to_complex(x), cnoise = to_complex(noise);
            vae.forward(x, noise);
            vae.backward();
            for (std::size_t p = 0; p < vae.parameters().size(); ++p) {
                CAPTURE(p);
                const ComplexTensor original = moved.parameters()[p];
                const auto total = [&](const ComplexTensor& parameter) {
                    moved.parameters()[p] = parameter;
                    const auto losses = moved.forward(cx, cnoise);
                    return losses.loss;
                };
                CHECK(gradients_agree(vae.gradients()[p],
                                      complex_step_gradient(total, vae.parameters()[p])));
                moved.parameters()[p] = original;
            }
        }
    }
}

TEST_CASE("a batch repeated has the losses and gradients of the batch") {
    const VaeConfig config{.inputs = 6, .hidden = {5}, .latent = 2};
    Vae<double> vae(config);
    for (std::size_t p = 0; p < vae.parameters().size(); ++p) {
        RealTensor& parameter = vae.parameters()[p];
        parameter = values(parameter.rows, parameter.cols, 0.9, static_cast<double>(p));
    }
    const auto twice = [](RealTensor t) {
        const std::vector<double> once = t.data;
        t.data.insert(t.data.end(), once.begin(), once.end());
        return RealTensor(2 * t.rows, t.cols, t.data);
    };
    const RealTensor x = targets(3, 6), noise = values(3, 2, 1, 0.4);
    const auto losses = vae.forward(x, noise);
    vae.backward();
    const auto gradients = vae.gradients();
    const auto doubled = vae.forward(twice(x), twice(noise));
    vae.backward();
    CHECK(doubled.recon == doctest::Approx(losses.recon).epsilon(1e-14));
    CHECK(doubled.kl == doctest::Approx(losses.kl).epsilon(1e-14));
    for (std::size_t p = 0; p < gradients.size(); ++p)
        CHECK(gradients_agree(vae.gradients()[p], gradients[p], 1e-12));
}

TEST_CASE("the first step of Adam is the learning rate times the sign, less what epsilon takes") {
    const RealTensor gradient(1, 3, {4, -1e-4, 0});
    for (const auto placement : {EpsilonPlacement::keras, EpsilonPlacement::torch}) {
        const AdamConfig config{.learning_rate = 0.5, .epsilon = 1e-4, .placement = placement};
        RealTensor w(1, 3, {1, 1, 1}), m(1, 3), v(1, 3);
        adam_step(config, 1, gradient, w, m, v);
        // After the bias corrections m is g and sqrt(v) is |g|. In Keras' form epsilon stands
        // beside the uncorrected root, so it weighs 1 / sqrt(1 - beta2) as much.
        const bool keras = placement == EpsilonPlacement::keras;
        const double epsilon = keras ? 1e-4 / std::sqrt(1 - 0.999) : 1e-4;
        const std::vector<double> want = {1 - 0.5 * 4 / (4 + epsilon),
                                          1 + 0.5 * 1e-4 / (1e-4 + epsilon), 1};
        CHECK(near_elements(w.data, want, [](std::size_t) { return 1e-12; }));
    }
}

TEST_CASE("Adam follows its definition over several steps") {
    const AdamConfig config{.learning_rate = 0.1,
                            .beta1 = 0.5,
                            .beta2 = 0.75,
                            .epsilon = 0,
                            .placement = EpsilonPlacement::torch};
    RealTensor w(1, 1), m(1, 1), v(1, 1);
    adam_step(config, 1, RealTensor(1, 1, {2}), w, m, v);
    CHECK(w[0] == doctest::Approx(-0.1).epsilon(1e-14));  // m = 1, v = 1; corrected 2 and 4
    adam_step(config, 2, RealTensor(1, 1, {-4}), w, m, v);
    // m = 0.5 - 2 = -1.5, corrected by 3/4: -2; v = 0.75 + 4 = 4.75, corrected by 7/16
    CHECK(w[0] == doctest::Approx(-0.1 + 0.1 * 2 / std::sqrt(4.75 / 0.4375)).epsilon(1e-14));
}

TEST_CASE("Adam lets moments that no longer matter become exactly zero") {
    RealTensor w(1, 1), m(1, 1, {1.05e-30}), v(1, 1, {1.0005e-36});
    adam_step(AdamConfig{}, 5, RealTensor(1, 1), w, m, v);
    CHECK(m[0] == 0);
    CHECK(v[0] == 0);
}

TEST_CASE("gradient descent with momentum gives the numbers computed by hand") {
    RealTensor w(1, 2, {1, 2}), velocity(1, 2);
    sgd_step(0.5, 0.25, RealTensor(1, 2, {4, -8}), w, velocity);
    CHECK(w.data == std::vector<double>{-1, 6});
    sgd_step(0.5, 0.25, RealTensor(1, 2, {0, 2}), w, velocity);
    // velocity = {-2, 4} / 4 - {0, 1}
    CHECK(velocity.data == std::vector<double>{-0.5, 0});
    CHECK(w.data == std::vector<double>{-1.5, 6});
}

TEST_CASE("the reference also works in float") {
    Vae<float> vae({.inputs = 6, .hidden = {5}, .latent = 2});
    Tensor<float> x(2, 6, std::vector<float>(12, 0.5f));
    const auto losses = vae.train_step(AdamConfig{}, x, Tensor<float>(2, 2));
    CHECK(losses.recon == doctest::Approx(6 * std::log(2.0)).epsilon(1e-6));
    CHECK(losses.kl == 0);
}
