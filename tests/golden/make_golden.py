#!/usr/bin/env python3
"""Makes losses.json: the first losses of small training runs, as PyTorch computes them.

The tests repeat these runs with the library (30 steps in float32) and with core/reference_vae.hpp
(100 steps in float64). Initial weights, order of the images and noise come from the library's own
random numbers (library_numbers.py), so nothing but losses is stored.

PyTorch knows the gradients by autograd: nothing here is shared with the hand-written ones.

    python3 tests/golden/make_golden.py        needs numpy and torch; takes a minute or two
"""
import json
import math

import numpy as np
import torch
import torch.nn.functional as F

from library_numbers import (HERE, SEED, TRAINING_NOISE, check_random_numbers, normals,
                             sample_pixels, shuffled, uniform)

BATCH_SIZE = 128
STEPS = {"float32": 30, "float64": 100}


# --- The model -----------------------------------------------------------------------------------

def initial_parameters(case, dtype):
    """weight (in, out), bias (1, out) of: encoder, mu, logvar, hidden decoder layer, output."""
    hidden, latent = case["hidden"], case["latent"]
    parameters = []
    for fan_in, fan_out in [(784, hidden), (hidden, latent), (hidden, latent), (latent, hidden),
                            (hidden, 784)]:
        number = len(parameters)
        if case["init"] == "glorot":
            limit = math.sqrt(6 / (fan_in + fan_out))
            bias = np.zeros((1, fan_out), np.float32)
        else:
            limit = 1 / math.sqrt(fan_in)
            bias = uniform(number + 1, limit, (1, fan_out))
        for value in uniform(number, limit, (fan_in, fan_out)), bias:
            parameters.append(torch.tensor(value, dtype=dtype, requires_grad=True))
    return parameters


def losses_of(case, parameters, x, noise):
    """recon and kl: means over the batch, with the sum itself taken in double."""
    w, b = parameters[0::2], parameters[1::2]
    h = torch.relu(x @ w[0] + b[0])
    mu, logvar = h @ w[1] + b[1], torch.clamp(h @ w[2] + b[2], -30, 20)
    z = mu + torch.exp(logvar / 2) * noise
    logits = torch.relu(z @ w[3] + b[3]) @ w[4] + b[4]
    if case["recon_loss"] == "bce":
        recon = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    elif case["recon_loss"] == "bce-probabilities":
        clipped = torch.clamp(torch.sigmoid(logits), 1e-7, 1 - 1e-7)
        recon = F.binary_cross_entropy(clipped, x, reduction="none")
    else:
        recon = F.mse_loss(torch.sigmoid(logits), x, reduction="none")
    kl = (mu**2 + torch.expm1(logvar) - logvar) / 2
    return recon.double().sum() / len(x), kl.double().sum() / len(x)


class KerasAdam:
    """Adam as Keras documents it: epsilon beside the uncorrected root."""

    def __init__(self, parameters, learning_rate, epsilon):
        self.parameters, self.learning_rate, self.epsilon = parameters, learning_rate, epsilon
        self.m = [torch.zeros_like(p) for p in parameters]
        self.v = [torch.zeros_like(p) for p in parameters]
        self.t = 0

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None

    @torch.no_grad()
    def step(self):
        self.t += 1
        alpha = self.learning_rate * math.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t)
        for p, m, v in zip(self.parameters, self.m, self.v):
            m += (p.grad - m) * (1 - 0.9)
            v += (p.grad**2 - v) * (1 - 0.999)
            p -= alpha * m / (torch.sqrt(v) + self.epsilon)


def batches(count, steps):
    """(epoch, samples) of every step; epochs from 1, each in its own order, the last one short."""
    epoch = 0
    while True:
        epoch += 1
        order = shuffled(count, epoch)
        for first in range(0, count, BATCH_SIZE):
            if steps == 0:
                return
            steps -= 1
            yield epoch, order[first:first + BATCH_SIZE]


def run(case, pixels, precision):
    dtype = getattr(torch, precision)
    parameters = initial_parameters(case, dtype)
    if case["adam"] == "keras":
        adam = KerasAdam(parameters, case["learning_rate"], case["epsilon"])
    else:
        adam = torch.optim.Adam(parameters, lr=case["learning_rate"], eps=case["epsilon"])
    results = {"recon": [], "kl": []}
    for epoch, samples in batches(len(pixels), STEPS[precision]):
        x = torch.tensor(pixels[samples], dtype=dtype) / 255
        noise = torch.tensor(normals(TRAINING_NOISE, epoch, samples, case["latent"]), dtype=dtype)
        recon, kl = losses_of(case, parameters, x, noise)
        adam.zero_grad()
        (recon + kl).backward()
        adam.step()
        results["recon"].append(recon.item())
        results["kl"].append(kl.item())
    return results


def all_cases():
    nets = [{"hidden": 512, "latent": 2, "init": "glorot"},
            {"hidden": 400, "latent": 20, "init": "torch"}]
    adams = [{"adam": "keras", "learning_rate": 1e-3, "epsilon": 1e-7},
             {"adam": "torch", "learning_rate": 1e-3, "epsilon": 1e-8}]
    cases = [{**net, "recon_loss": loss, **adam}
             for net in nets for loss in ("bce", "mse") for adam in adams]
    return cases + [{**nets[0], "recon_loss": "bce-probabilities", **adams[0]}]


def main():
    torch.set_num_threads(1)
    check_random_numbers()
    pixels = sample_pixels()
    cases = []
    for case in all_cases():
        for precision in STEPS:
            case[precision] = run(case, pixels, precision)
        cases.append(case)
        print(case["hidden"], case["recon_loss"], case["adam"], case["float64"]["recon"][-1])
    golden = {"made_by": f"tests/golden/make_golden.py, PyTorch {torch.__version__}",
              "seed": SEED, "batch_size": BATCH_SIZE, "images": len(pixels), "cases": cases}
    # repr writes as many digits as it takes to read the same double back: at most 17.
    (HERE / "losses.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
