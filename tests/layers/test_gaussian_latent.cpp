#include <doctest/doctest.h>

#include "../../core/error.hpp"
#include "../../layers/gaussian_latent.hpp"
#include "../support/convert.hpp"
#include "../support/each_isa.hpp"
#include "../support/gradcheck.hpp"
#include "../support/near.hpp"

using namespace handgrad;
using namespace handgrad::test;

TEST_CASE("gaussian latent: z and its gradients agree with the reference, clamped logvar too") {
    for (Index latent : {1, 2, 20, 33}) {
        const Index n = 7;
        Matrix head = random_matrix(n, 2 * latent, 1, -2, 2);
        head(0, latent) = 25;    // above the clamp
        head(1, latent) = -31;   // below it
        head(2, latent) = 19.5;  // just inside
        const Matrix noise = random_matrix(n, latent, 2, -2, 2), dz = random_matrix(n, latent, 3),
                     dmu = random_matrix(n, latent, 4), dlogvar = random_matrix(n, latent, 5);
        const RealTensor mu = to_tensor(head.view().middle_cols(0, latent)),
                         logvar = to_tensor(head.view().middle_cols(latent, latent)),
                         tnoise = to_tensor(noise), tdz = to_tensor(dz);
        const RealTensor z = reference::reparameterize(mu, logvar, tnoise);
        RealTensor want_mu = complex_step_backward(
            [&](const ComplexTensor& moved) {
                return reference::reparameterize(moved, to_complex(logvar), to_complex(tnoise));
            },
            mu, tdz);
        RealTensor want_logvar = complex_step_backward(
            [&](const ComplexTensor& moved) {
                return reference::reparameterize(to_complex(mu), moved, to_complex(tnoise));
            },
            logvar, tdz);
        for (Index i = 0; i < n; ++i)
            for (Index j = 0; j < latent; ++j) {
                want_mu(i, j) += dmu(i, j);
                want_logvar(i, j) += dlogvar(i, j);
            }
        for_each_isa([&] {
            CAPTURE(latent);
            GaussianLatent layer(latent);
            // exp, one product, one sum: a few roundings of 2^-24 each.
            CHECK(relative_l2_error(to_tensor(layer.forward(head, noise)).data, z.data) <= 1e-6);
            const ConstMatrixView dhead = layer.backward(dz, dmu, dlogvar);
            CHECK(relative_l2_error(to_tensor(dhead.middle_cols(0, latent)).data, want_mu.data) <=
                  1e-6);
            CHECK(relative_l2_error(to_tensor(dhead.middle_cols(latent, latent)).data,
                                    want_logvar.data) <= 1e-6);
            // Outside the clamp nothing comes through z; what was given stays.
            CHECK(dhead(0, latent) == dlogvar(0, 0));
            CHECK(dhead(1, latent) == dlogvar(1, 0));
            CHECK(dhead(2, latent) != dlogvar(2, 0));
        });
    }
}

TEST_CASE("gaussian latent: without noise z is mu, bit for bit") {
    const Matrix head = random_matrix(5, 6, 1, -3, 3), noise(5, 3);
    GaussianLatent layer(3);
    const ConstMatrixView z = layer.forward(head, noise);
    for (Index i = 0; i < 5; ++i)
        for (Index j = 0; j < 3; ++j) CHECK(z(i, j) == head(i, j));
}

TEST_CASE("gaussian latent: wrong widths are refused") {
    CHECK_THROWS_AS(GaussianLatent(0), Error);
    GaussianLatent layer(3);
    const Matrix head(2, 6), odd(2, 5), noise(2, 3), wrong(2, 2);
    CHECK_THROWS_AS(layer.forward(odd, noise), Error);
    CHECK_THROWS_AS(layer.forward(head, wrong), Error);
    layer.forward(head, noise);
    CHECK_THROWS_AS(layer.backward(wrong, noise, noise), Error);
}
