// Puts every element-wise kernel into the table of one instruction set.
#pragma once

#include "activation.inl.hpp"
#include "latent.inl.hpp"
#include "losses.inl.hpp"
#include "optimizers.inl.hpp"
#include "random.inl.hpp"
#include "table.hpp"
#include "vector.inl.hpp"

namespace handgrad::kernels {
namespace {

// f as a kernel: a function of arrays.
template <class Arch, auto f>
void map_kernel(const float* x, float* y, Index n) {
    map<Arch>(x, y, n, f);
}

template <class Arch>
constexpr void fill_elementwise(KernelTable& table) {
    using M = Math<Arch>;
    table.exp = map_kernel<Arch, M::exp>;
    table.expm1 = map_kernel<Arch, M::expm1>;
    table.log = map_kernel<Arch, M::log>;
    table.log1p = map_kernel<Arch, M::log1p>;
    table.sigmoid = map_kernel<Arch, M::sigmoid>;
    table.tanh = map_kernel<Arch, M::tanh>;
    table.softplus = map_kernel<Arch, M::softplus>;
    table.sin = map_kernel<Arch, M::sin>;
    table.cos = map_kernel<Arch, M::cos>;
    table.activation_forward = activation_forward<Arch>;
    table.activation_backward = activation_backward<Arch>;
    table.bce_with_logits = bce_with_logits<Arch>;
    table.bce_with_probabilities = bce_with_probabilities<Arch>;
    table.bce_with_clamped_logs = bce_with_clamped_logs<Arch>;
    table.continuous_bernoulli = continuous_bernoulli<Arch>;
    table.mse = mse<Arch>;
    table.kl_divergence = kl_divergence<Arch>;
    table.reparameterize = reparameterize<Arch>;
    table.reparameterize_backward = reparameterize_backward<Arch>;
    table.adam = adam<Arch>;
    table.sgd = sgd<Arch>;
    table.sum_rows = sum_rows<Arch>;
    table.sum_squares = sum_squares<Arch>;
    table.scale = scale<Arch>;
    table.normal_from_bits = normal_from_bits<Arch>;
    table.pixels_to_float = pixels_to_float<Arch>;
}

}  // namespace
}  // namespace handgrad::kernels
