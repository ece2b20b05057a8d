#include "kernel_check.hpp"

using namespace handgrad;
using namespace handgrad::test;
using kernels::KernelTable;

namespace {

// Log-variances with both ends of the clamp and what lies beyond them.
std::vector<float> log_variances(Index n) {
    std::vector<float> logvar = uniform_floats(n, -8, 4, 1);
    const float special[] = {-30, 20, -31, 21, 0, -1e30f, 1e30f};
    for (Index i = 0; i < n; i += 3) logvar[i] = special[i / 3 % std::ssize(special)];
    return logvar;
}

bool is_clamped(float logvar) { return logvar < -30 || logvar > 20; }

}  // namespace

TEST_CASE("reparameterize: z = mu + exp(logvar / 2) noise for every length") {
    for_each_length([](Index n) {
        CAPTURE(n);
        const std::vector<float> mu = uniform_floats(n, -3, 3, 2), logvar = log_variances(n),
                                 noise = uniform_floats(n, -4, 4, 3);
        std::vector<double> deviation, z;
        for (Index i = 0; i < n; ++i) {
            const double l = std::fmin(std::fmax(logvar[i], -30), 20);
            deviation.push_back(std::exp(l / 2) * noise[i]);
            z.push_back(mu[i] + deviation.back());
        }
        for_each_table([&](const KernelTable& table) {
            Guarded m(mu), l(logvar), e(noise), got_deviation(n), got_z(n);
            table.reparameterize(m.data(), l.data(), e.data(), got_deviation.data(), got_z.data(),
                                 n);
            CHECK(got_deviation.guards_intact());
            CHECK(got_z.guards_intact());
            if (n == 0) return;
            // exp has 2 ulps, which are 4 u; one product and one sum follow.
            CHECK(near_elements(got_deviation, deviation,
                                [&](std::size_t i) { return 6 * kU * std::abs(deviation[i]); }));
            CHECK(near_elements(got_z, z, [&](std::size_t i) {
                return kU * (6 * std::abs(deviation[i]) + 2 * std::abs(z[i]));
            }));
        });
    });
}

TEST_CASE("reparameterize_backward adds to dmu and dlogvar, for every length") {
    for_each_length([](Index n) {
        CAPTURE(n);
        const std::vector<float> dz = uniform_floats(n, -1, 1, 4), logvar = log_variances(n),
                                 deviation = uniform_floats(n, -5, 5, 5),
                                 dmu = uniform_floats(n, -1, 1, 6),
                                 dlogvar = uniform_floats(n, -1, 1, 7);
        std::vector<float> want_dmu;
        std::vector<double> want_dlogvar;
        for (Index i = 0; i < n; ++i) {
            want_dmu.push_back(dmu[i] + dz[i]);
            const double through_sigma = is_clamped(logvar[i]) ? 0 : 0.5 * dz[i] * deviation[i];
            want_dlogvar.push_back(dlogvar[i] + through_sigma);
        }
        for_each_table([&](const KernelTable& table) {
            Guarded d(dz), l(logvar), s(deviation), got_dmu(dmu), got_dlogvar(dlogvar);
            table.reparameterize_backward(d.data(), l.data(), s.data(), got_dmu.data(),
                                          got_dlogvar.data(), n);
            CHECK(got_dmu.values() == want_dmu);
            // One product, at most 2.5, and one sum, at most 3.5.
            if (n > 0)
                CHECK(near_elements(got_dlogvar, want_dlogvar, [](std::size_t) { return 6 * kU; }));
            for (Index i = 0; i < n; ++i)
                if (is_clamped(logvar[i])) CHECK(got_dlogvar[i] == dlogvar[i]);
            CHECK(got_dmu.guards_intact());
            CHECK(got_dlogvar.guards_intact());
        });
    });
}

TEST_CASE("a NaN log-variance shows in z and in its gradient") {
    for_each_table([](const KernelTable& table) {
        const float one = 1;
        float deviation = 0, z = 0, dmu = 0, dlogvar = 0;
        table.reparameterize(&one, &kNan, &one, &deviation, &z, 1);
        CHECK(std::isnan(z));
        table.reparameterize_backward(&one, &kNan, &deviation, &dmu, &dlogvar, 1);
        CHECK(std::isnan(dlogvar));
    });
}

TEST_CASE("the latent kernels have the same bits on every instruction set with fma") {
    for_each_length([](Index n) {
        CAPTURE(n);
        const std::vector<float> a = uniform_floats(n, -3, 3, 8),
                                 noise = uniform_floats(n, -4, 4, 9), logvar = log_variances(n);
        check_same_bits([&](const KernelTable& table) {
            std::vector<float> deviation(n), z(n), dmu = a, dlogvar = noise;
            table.reparameterize(a.data(), logvar.data(), noise.data(), deviation.data(), z.data(),
                                 n);
            table.reparameterize_backward(z.data(), logvar.data(), deviation.data(), dmu.data(),
                                          dlogvar.data(), n);
            return concatenated({deviation, z, dmu, dlogvar});
        });
    });
}
