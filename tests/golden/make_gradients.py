#!/usr/bin/env python3
"""Makes gradients.json: the gradients of small models, as PyTorch's autograd computes them.

Every activation with every reconstruction loss, two hidden layers, in float64. The tests compare the
library's float32 backward pass with them, tensor by tensor. Weights and noise are the library's own
random numbers; the images are a formula.

    python3 tests/golden/make_gradients.py        needs numpy and torch
"""
import json
import math

import numpy as np
import torch
import torch.nn.functional as F

from library_numbers import HERE, SEED, TRAINING_NOISE, normals, uniform

PIXELS, HIDDEN, LATENT, IMAGES, KL_WEIGHT = 12, (7, 5), 2, 6, 0.5
ACTIVATIONS = {"linear": lambda a: a, "relu": torch.relu, "tanh": torch.tanh,
               "sigmoid": torch.sigmoid}
LOSSES = "bce", "bce-probabilities", "mse"


def parameters():
    """Uniform weights and biases, as the initialiser "torch" draws them, of the layers in order:
    encoder, mu, logvar, decoder."""
    there = [(PIXELS, HIDDEN[0]), (HIDDEN[0], HIDDEN[1])]
    heads = [(HIDDEN[1], LATENT)] * 2
    back = [(LATENT, HIDDEN[1]), (HIDDEN[1], HIDDEN[0]), (HIDDEN[0], PIXELS)]
    tensors = []
    for fan_in, fan_out in there + heads + back:
        limit = 1 / math.sqrt(fan_in)
        for shape in (fan_in, fan_out), (1, fan_out):
            value = uniform(len(tensors), limit, shape)
            tensors.append(torch.tensor(value, dtype=torch.float64, requires_grad=True))
    return tensors


def images():
    i, j = np.meshgrid(np.arange(IMAGES), np.arange(PIXELS), indexing="ij")
    # Exact in float32 as well.
    return torch.tensor(((7 * i + 5 * j) % 9) / 8, dtype=torch.float64)


def loss_of(tensors, activation, recon_loss, x, noise):
    f, layers = ACTIVATIONS[activation], list(zip(tensors[0::2], tensors[1::2]))
    h = x
    for w, b in layers[:2]:
        h = f(h @ w + b)
    mu, logvar = (h @ w + b for w, b in layers[2:4])
    h = mu + torch.exp(logvar / 2) * noise
    for w, b in layers[4:6]:
        h = f(h @ w + b)
    logits = h @ layers[6][0] + layers[6][1]
    if recon_loss == "bce":
        recon = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    elif recon_loss == "bce-probabilities":
        recon = F.binary_cross_entropy(torch.clamp(torch.sigmoid(logits), 1e-7, 1 - 1e-7), x,
                                       reduction="sum")
    else:
        recon = F.mse_loss(torch.sigmoid(logits), x, reduction="sum")
    kl = ((mu**2 + torch.expm1(logvar) - logvar) / 2).sum()
    return (recon + KL_WEIGHT * kl) / len(x)


def main():
    x = images()
    noise = torch.tensor(normals(TRAINING_NOISE, 1, np.arange(IMAGES), LATENT),
                         dtype=torch.float64)
    cases = []
    for activation in ACTIVATIONS:
        for recon_loss in LOSSES:
            tensors = parameters()
            loss = loss_of(tensors, activation, recon_loss, x, noise)
            loss.backward()
            cases.append({"activation": activation, "recon_loss": recon_loss, "loss": loss.item(),
                          "gradients": [t.grad.flatten().tolist() for t in tensors]})
    golden = {"made_by": f"tests/golden/make_gradients.py, PyTorch {torch.__version__}",
              "seed": SEED, "kl_weight": KL_WEIGHT, "cases": cases}
    (HERE / "gradients.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
