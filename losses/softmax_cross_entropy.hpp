// Cross-entropy of a softmax: the loss of a classifier. Of the c classes of each of n images one is
// right, its label t. From logits a, with p = softmax(a), in nats per image:
//
//   p_j  = exp(a_j) / sum_k exp(a_k)
//   loss = 1/n sum over the images of -log p_t = log(sum_k exp(a_k)) - a_t
//   da_j = (p_j - [j = t]) / n        +0 where that is below 1e-30
//
// The gradient is the probability less the one-hot label: what the classifier says less what it
// should have said. It sums to 0 over the classes of an image, since adding a constant to all
// logits changes nothing; |da_j| <= 1/n.
//
// That freedom makes the loss stable: with the largest logit m, at r, taken off all of them,
//
//   loss = 1/n sum over the images of (m - a_t) + log1p(sum over k != r of exp(a_k - m))
//
// no exponential is above 1, and a classifier that is sure and right keeps the digits of a small
// loss. Exact to rounding for every finite logit.
//
// Source: Bishop, "Pattern Recognition and Machine Learning", 2006, equations 4.104 to 4.109.
#pragma once

#include <cstdint>
#include <span>

#include "../core/export.hpp"
#include "../core/matrix.hpp"
#include "reduction.hpp"

namespace handgrad {

// logits (n, c), a label below c for each row; dlogits (n, c) is overwritten, or not computed if it
// is an empty view; `reduction` scales it. Throws Error(argument) for other shapes, a label that is
// no class, or n = 0.
HANDGRAD_API double softmax_cross_entropy(ConstMatrixView logits,
                                          std::span<const std::uint32_t> labels, MatrixView dlogits,
                                          const Reduction& reduction = {});

// The class of the largest logit, which is that of the largest probability; the first of equals.
// Throws Error(argument) if there is no class.
HANDGRAD_API std::uint32_t argmax(std::span<const float> logits);

}  // namespace handgrad
