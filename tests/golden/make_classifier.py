#!/usr/bin/env python3
"""Makes classifier.json: softmax cross-entropy and its gradients, as PyTorch computes them.

For logits of three sizes F.cross_entropy and autograd, and every gradient of a classifier
12-7-10, all in float64. Logits, images and labels are formulas; the weights are the library's own
random numbers.

    python3 tests/golden/make_classifier.py        needs numpy and torch
"""
import json
import math

import numpy as np
import torch
import torch.nn.functional as F

from make_golden import HERE, SEED, uniform

IMAGES, PIXELS, HIDDEN, CLASSES = 6, 12, 7, 10


def grid(rows, cols, formula):
    i, j = np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij")
    return torch.tensor(formula(i, j), dtype=torch.float64)  # exact in float32 as well


def labels():
    return torch.tensor([(3 * i + 1) % CLASSES for i in range(IMAGES)])


def of_logits(scale):
    logits = grid(IMAGES, CLASSES, lambda i, j: ((7 * i + 5 * j) % 11 - 5) * scale)
    logits.requires_grad_()
    loss = F.cross_entropy(logits, labels())
    loss.backward()
    return {"scale": scale, "loss": loss.item(), "dlogits": logits.grad.flatten().tolist()}


def of_classifier():
    tensors = []
    for fan_in, fan_out in (PIXELS, HIDDEN), (HIDDEN, CLASSES):
        for shape in (fan_in, fan_out), (1, fan_out):
            value = uniform(len(tensors), 1 / math.sqrt(fan_in), shape)
            tensors.append(torch.tensor(value, dtype=torch.float64, requires_grad=True))
    x = grid(IMAGES, PIXELS, lambda i, j: ((7 * i + 5 * j) % 9) / 8)
    loss = F.cross_entropy(torch.relu(x @ tensors[0] + tensors[1]) @ tensors[2] + tensors[3],
                           labels())
    loss.backward()
    return {"loss": loss.item(), "gradients": [t.grad.flatten().tolist() for t in tensors]}


def main():
    golden = {"made_by": f"tests/golden/make_classifier.py, PyTorch {torch.__version__}",
              "seed": SEED, "logits": [of_logits(scale) for scale in (0.25, 2.0, 32.0)],
              "classifier": of_classifier()}
    (HERE / "classifier.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
