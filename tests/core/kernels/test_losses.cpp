#include "kernel_check.hpp"

using namespace handgrad;
using namespace handgrad::test;
using kernels::KernelTable;

namespace {

constexpr float kScale = 0.3f;
using Loss = float (*KernelTable::*)(const float*, const float*, float, float*, Index);

// One element: the loss, its gradient before scaling, and how far the kernel's may be from them,
// in units of u.
struct Truth {
    double loss, gradient;
    double loss_roundings, gradient_roundings;
};

// The terms of one lane and the tree that adds the lanes: roundings of the sum of the |terms|.
double sum_roundings(Index n) { return double(n) / 16 + 5; }

// The kernel against the truth of every element, for every length, with and without a gradient.
void check_loss(Loss loss, std::vector<float> (*inputs)(Index),
                std::vector<float> (*targets)(Index), Truth (*truth)(double, double)) {
    for_each_length([&](Index n) {
        CAPTURE(n);
        const std::vector<float> x = inputs(n), t = targets(n);
        double want = 0, absolute = 0, roundings = 0;
        std::vector<double> gradient, bound;
        for (Index i = 0; i < n; ++i) {
            const Truth one = truth(x[i], t[i]);
            want += one.loss;
            absolute += std::abs(one.loss);
            roundings += one.loss_roundings;
            gradient.push_back(one.gradient * kScale);
            bound.push_back((one.gradient_roundings + std::abs(one.gradient)) * kScale * kU);
        }
        for_each_table([&](const KernelTable& table) {
            Guarded input(x), target(t), dx(n);
            const float sum = (table.*loss)(input.data(), target.data(), kScale, dx.data(), n);
            CHECK(std::abs(sum - want) <= (sum_roundings(n) * absolute + roundings) * kU);
            if (n > 0) CHECK(near_elements(dx, gradient, [&](std::size_t i) { return bound[i]; }));
            CHECK(dx.guards_intact());
            const float alone = (table.*loss)(input.data(), target.data(), kScale, nullptr, n);
            CHECK(std::memcmp(&alone, &sum, sizeof sum) == 0);
        });
        check_same_bits([&](const KernelTable& table) {
            std::vector<float> dx(n);
            const float sum = (table.*loss)(x.data(), t.data(), kScale, dx.data(), n);
            return concatenated({{sum}, dx});
        });
    });
}

std::vector<float> pixel_targets(Index n) {
    std::vector<float> targets = uniform_floats(n, 0, 1, 7);
    for (Index i = 0; i < n; i += 3) targets[i] = 0;
    for (Index i = 1; i < n; i += 5) targets[i] = 1;
    return targets;
}

// max(a, 0) - a t + log1p(exp(-|a|)). The first two take three roundings (without fma) of at most
// |a|, the logarithm 3 ulps of at most 1; sigmoid has 3 ulps of at most 1 and a subtraction.
Truth bce_with_logits(double a, double t) {
    const double p = 1 / (1 + std::exp(-a));
    return {std::fmax(a, 0) - a * t + std::log1p(std::exp(-std::abs(a))), p - t,
            3 * std::abs(a) + 8, 8};
}

// The clip as Keras has it in float: the upper end is 1 - 2^-23.
constexpr double kLow = 1e-7f, kHigh = 1 - 0x1p-23;

Truth bce_with_probabilities(double p, double t) {
    const double c = std::fmin(std::fmax(p, kLow), kHigh);
    const double loss = -(t * std::log(c) + (1 - t) * std::log1p(-c));
    const double gradient = p < kLow || p > kHigh ? 0 : (c - t) / (c * (1 - c));
    // Both products have the same sign, so the 3 ulps of the logarithms stay relative.
    return {loss, gradient, 10 * loss, 8 * std::abs(gradient)};
}

// PyTorch's clamp; the logarithms' 3 ulps stay relative as above.
Truth bce_with_clamped_logs(double p, double t) {
    const double loss =
        -(t * std::fmax(std::log(p), -100) + (1 - t) * std::fmax(std::log1p(-p), -100));
    const double gradient = (p - t) / std::fmax(p * (1 - p), 1e-12);
    return {loss, gradient, 10 * loss, 8 * std::abs(gradient)};
}

// log((exp(a) - 1) / a) - a t. Below 1 the series takes a rounding for each of its terms, which are
// below |a|; beyond, max(a, 0) and a t take three of at most |a|, and log(e / |a|) has 3 ulps of
// its own and the 4 of its argument. The slope is a difference of terms below 1.6 with 4 ulps each.
Truth continuous_bernoulli(double a, double t) {
    const double size = std::abs(a);
    const double log_term = a == 0 ? 0 : std::log(-std::expm1(-size) / size);
    const double mean = size < 1e-4 ? 0.5 + a / 12 : -1 / std::expm1(-a) - 1 / a;
    return {std::fmax(a, 0) - a * t + log_term, mean - t, 4 * size + 3 * std::abs(log_term) + 4,
            14};
}

Truth mse(double y, double t) {
    const double d = y - t;
    return {d * d, 2 * d, 3 * d * d, 4 * std::abs(d)};
}

}  // namespace

TEST_CASE("bce_with_logits: sum and gradient for every length") {
    check_loss(
        &KernelTable::bce_with_logits, [](Index n) { return uniform_floats(n, -30, 30); },
        pixel_targets, bce_with_logits);
}

TEST_CASE("bce_with_logits is finite for every logit up to 1e30 and exact at 0") {
    for_each_table([](const KernelTable& table) {
        for (float logit : {1e30f, -1e30f, 1e5f, -1e5f, 104.0f, -88.0f, 0.0f, -0.0f, 1e-40f})
            for (float target : {0.0f, 0.25f, 1.0f}) {
                CAPTURE(logit);
                CAPTURE(target);
                float gradient = kNan;
                const float loss = table.bce_with_logits(&logit, &target, 1, &gradient, 1);
                const Truth want = bce_with_logits(logit, target);
                CHECK(std::abs(loss - want.loss) <= want.loss_roundings * kU);
                CHECK(std::abs(gradient - want.gradient) <= want.gradient_roundings * kU);
            }
        // 784 black logits: 784 log 2, as the lesson says; every lane adds 49 equal terms.
        const std::vector<float> zeros(784);
        const double sum = table.bce_with_logits(zeros.data(), zeros.data(), 1, nullptr, 784);
        CHECK(std::abs(sum - 784 * std::log(2.0)) <= 784 * 54 * kU);
    });
}

TEST_CASE("bce_with_logits keeps the tiny losses of pixels that are right") {
    for_each_table([](const KernelTable& table) {
        const float logit = 40, target = 1;
        const float loss = table.bce_with_logits(&logit, &target, 1, nullptr, 1);
        CHECK(std::abs(loss - std::exp(-40.0)) <= 8 * kU * std::exp(-40.0));
    });
}

TEST_CASE("bce_with_logits: gradients below 1e-30 are +0, and no others") {
    // Down to where the sigmoid itself would be denormal, in steps that do not leap over 1e-30.
    std::vector<float> logits, targets;
    for (float a = -60; a > -90; a -= 0.01f) logits.push_back(a);
    targets.resize(logits.size());
    for_each_table([&](const KernelTable& table) {
        std::vector<float> d(logits.size());
        table.bce_with_logits(logits.data(), targets.data(), kScale, d.data(), Index(d.size()));
        Index zeros = 0, others = 0;
        for (std::size_t i = 0; i < d.size(); ++i) {
            const double want = std::exp(double(logits[i])) * kScale;
            if (want < 0.9999e-30) {
                CHECK(d[i] == 0);
                CHECK_FALSE(std::signbit(d[i]));
                ++zeros;
            } else if (want > 1.0001e-30) {
                CHECK(std::abs(d[i] / want - 1) < 1e-6);
                ++others;
            }
        }
        CHECK(zeros > 1000);
        CHECK(others > 500);
    });
}

TEST_CASE("bce_with_clamped_logs: sum and gradient for every length") {
    check_loss(
        &KernelTable::bce_with_clamped_logs,
        [](Index n) {
            std::vector<float> p = uniform_floats(n, 0, 1);
            for (Index i = 0; i < n; i += 7) p[i] = 1e-6f * p[i];
            return p;
        },
        pixel_targets, bce_with_clamped_logs);
}

TEST_CASE("bce_with_clamped_logs is 100 nats at the wrong end and has PyTorch's gradient there") {
    for_each_table([](const KernelTable& table) {
        const float p[] = {0, 1, 0, 1}, t[] = {1, 0, 0, 1};
        float d[4];
        CHECK(table.bce_with_clamped_logs(p, t, 1, d, 4) == 200);
        CHECK(d[0] == -1 / 1e-12f);
        CHECK(d[1] == 1 / 1e-12f);
        CHECK(d[2] == 0);
        CHECK(d[3] == 0);
    });
}

TEST_CASE("continuous_bernoulli: sum and gradient for every length") {
    check_loss(
        &KernelTable::continuous_bernoulli, [](Index n) { return uniform_floats(n, -30, 30); },
        pixel_targets, continuous_bernoulli);
    check_loss(
        &KernelTable::continuous_bernoulli, [](Index n) { return uniform_floats(n, -1.5, 1.5); },
        pixel_targets, continuous_bernoulli);
}

TEST_CASE("continuous_bernoulli is finite for every logit up to 1e30 and has slope 1/2 at 0") {
    for_each_table([](const KernelTable& table) {
        for (float logit :
             {1e30f, -1e30f, 1e5f, -1e5f, 104.0f, -88.0f, 1.0f, -1.0f, 0.0f, -0.0f, 1e-40f}) {
            CAPTURE(logit);
            const float target = 0;
            float gradient = kNan;
            const float loss = table.continuous_bernoulli(&logit, &target, 1, &gradient, 1);
            CHECK(std::isfinite(loss));
            CHECK(gradient >= 0);
            CHECK(gradient <= 1);
            if (std::abs(logit) < 1e-30f) CHECK(gradient == 0.5f);
        }
        const float nan = kNan, target = 0;
        CHECK(std::isnan(table.continuous_bernoulli(&nan, &target, 1, nullptr, 1)));
    });
}

TEST_CASE("bce_with_probabilities: sum and gradient for every length") {
    check_loss(
        &KernelTable::bce_with_probabilities,
        [](Index n) {
            std::vector<float> p = uniform_floats(n, 0, 1);
            for (Index i = 0; i < n; i += 7) p[i] = 1e-6f * p[i];
            return p;
        },
        pixel_targets, bce_with_probabilities);
}

TEST_CASE("bce_with_probabilities clips as Keras does, and the gradient is zero outside") {
    struct Case {
        float p, target, loss;
        bool inside;
    };
    const Case cases[] = {
        {0, 1, 16.118f, false},
        {1e-8f, 1, 16.118f, false},
        {1e-7f, 1, 16.118f, true},
        {1, 0, 15.942f, false},
        {1 - 0x1p-24f, 0, 15.942f, false},
        {1 - 0x1p-23f, 0, 15.942f, true},
        {-3, 1, 16.118f, false},
        {kInfinity, 0, 15.942f, false},
    };
    for_each_table([&](const KernelTable& table) {
        for (const Case& one : cases) {
            CAPTURE(one.p);
            float gradient = kNan;
            const float loss = table.bce_with_probabilities(&one.p, &one.target, 1, &gradient, 1);
            CHECK(std::abs(loss - one.loss) <= 0.0006);  // the losses above have three digits
            CHECK(std::isfinite(gradient));
            CHECK((gradient != 0) == one.inside);
        }
    });
}

TEST_CASE("mse: sum and gradient for every length") {
    check_loss(
        &KernelTable::mse, [](Index n) { return uniform_floats(n, 0, 1); }, pixel_targets, mse);
}

TEST_CASE("a NaN among the inputs of a loss is a NaN in its sum and in that gradient alone") {
    for (Loss loss :
         {&KernelTable::bce_with_logits, &KernelTable::bce_with_probabilities, &KernelTable::mse})
        for (Index n : {1, 2, 16, 37})
            for_each_table([&](const KernelTable& table) {
                std::vector<float> x(n, 0.5f), t(n, 1.0f), dx(n);
                x[n - 1] = kNan;
                CHECK(std::isnan((table.*loss)(x.data(), t.data(), 1, dx.data(), n)));
                for (Index i = 0; i < n; ++i) CHECK(std::isnan(dx[i]) == (i == n - 1));
            });
}

TEST_CASE("kl_divergence: sum and gradients for every length, clamped log-variances included") {
    for_each_length([](Index n) {
        CAPTURE(n);
        const std::vector<float> mu = uniform_floats(n, -3, 3, 8);
        std::vector<float> logvar = uniform_floats(n, -8, 3, 9);
        const float special[] = {0, -30, 20, -30.001f, 20.001f, -1e30f, 1e30f, 1e-4f, -1e-4f};
        for (Index i = 0; i < n; i += 4) logvar[i] = special[i / 4 % std::ssize(special)];
        double want = 0, absolute = 0;
        std::vector<double> dmu, dlogvar;
        for (Index i = 0; i < n; ++i) {
            const double l = std::fmin(std::fmax(logvar[i], -30), 20), growth = std::expm1(l);
            want += 0.5 * (double(mu[i]) * mu[i] + (growth - l));
            // What is added and subtracted on the way; growth itself has 3 ulps.
            absolute += double(mu[i]) * mu[i] + 8 * std::abs(growth) + std::abs(l);
            dmu.push_back(kScale * double(mu[i]));
            dlogvar.push_back(l == logvar[i] ? kScale * 0.5 * growth : 0);
        }
        for_each_table([&](const KernelTable& table) {
            Guarded m(mu), l(logvar), got_dmu(n), got_dlogvar(n);
            const float sum = table.kl_divergence(m.data(), l.data(), kScale, got_dmu.data(),
                                                  got_dlogvar.data(), n);
            CHECK(std::abs(sum - want) <= (sum_roundings(n) + 3) * absolute * kU);
            if (n > 0) {
                CHECK(near_elements(got_dmu, dmu,
                                    [&](std::size_t i) { return kU * std::abs(dmu[i]); }));
                CHECK(near_elements(got_dlogvar, dlogvar,
                                    [&](std::size_t i) { return 8 * kU * std::abs(dlogvar[i]); }));
            }
            CHECK(got_dmu.guards_intact());
            CHECK(got_dlogvar.guards_intact());
            const float alone =
                table.kl_divergence(m.data(), l.data(), kScale, nullptr, nullptr, n);
            CHECK(std::memcmp(&alone, &sum, sizeof sum) == 0);
        });
        check_same_bits([&](const KernelTable& table) {
            std::vector<float> got_dmu(n), got_dlogvar(n);
            const float sum = table.kl_divergence(mu.data(), logvar.data(), kScale, got_dmu.data(),
                                                  got_dlogvar.data(), n);
            return concatenated({{sum}, got_dmu, got_dlogvar});
        });
    });
}

TEST_CASE("kl_divergence is never negative, 0 at the prior, and shows a NaN") {
    const float zero = 0;
    std::vector<float> small = uniform_floats(4000, -1e-3f, 1e-3f);
    const std::vector<float> wide = uniform_floats(4000, -35, 25);
    small.insert(small.end(), wide.begin(), wide.end());
    for_each_table([&](const KernelTable& table) {
        CHECK(table.kl_divergence(&zero, &zero, 1, nullptr, nullptr, 1) == 0);
        int negative = 0;
        for (float logvar : small)
            negative += !(table.kl_divergence(&zero, &logvar, 1, nullptr, nullptr, 1) >= 0);
        CHECK(negative == 0);
        float dmu = 0, dlogvar = 0;
        CHECK(std::isnan(table.kl_divergence(&zero, &kNan, 1, &dmu, &dlogvar, 1)));
        CHECK(std::isnan(dlogvar));
        CHECK(std::isnan(table.kl_divergence(&kNan, &zero, 1, &dmu, &dlogvar, 1)));
        CHECK(std::isnan(dmu));
    });
}
