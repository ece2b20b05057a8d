"use strict";

// The reconstruction losses of losses/, for one image, in nats: sums over the pixels of the
// decoder's output y and the target t in [0, 1]. The formulas are those of the headers there.

const pixelLosses = {
  // y is a logit.
  bce: (y, t) => Math.max(y, 0) - y * t + Math.log1p(Math.exp(-Math.abs(y))),
  // y is a probability, and is clipped.
  "bce-probabilities": (y, t) => {
    const c = Math.min(Math.max(y, 1e-7), 1 - 1e-7);
    return -(t * Math.log(c) + (1 - t) * Math.log(1 - c));
  },
  // y is a probability, and its logarithms are clipped.
  "bce-clamped-logs": (y, t) =>
    -(t * Math.max(Math.log(y), -100) + (1 - t) * Math.max(Math.log(1 - y), -100)),
  mse: (y, t) => (y - t) ** 2,
  // y is a logit. Near 0 the logarithm of what makes the density integrate to 1 is a series.
  "continuous-bernoulli": (y, t) => {
    const size = Math.abs(y), s = y * y;
    if (size < 0.1) return y / 2 - y * t + s * (1 / 24 + s * (-1 / 2880 + s / 181440));
    return Math.max(y, 0) - y * t + Math.log(-Math.expm1(-size) / size);
  },
  // y is the mean of a Gaussian of this variance.
  gaussian: (y, t, variance) =>
    (y - t) ** 2 / (2 * variance) + Math.log(2 * Math.PI * variance) / 2,
};

function reconstructionLoss(name, output, target, variance) {
  let sum = 0;
  for (let i = 0; i < target.length; ++i) sum += pixelLosses[name](output[i], target[i], variance);
  return sum;
}

// Of N(mu, exp(logvar)) from N(0, 1), for one latent: losses/kl_divergence.hpp.
const kLogvarMin = -30, kLogvarMax = 20;
function clampLogvar(logvar) { return Math.min(Math.max(logvar, kLogvarMin), kLogvarMax); }
function klDivergence(mu, logvar) {
  const l = clampLogvar(logvar);
  return 0.5 * (mu * mu + (Math.expm1(l) - l));
}
