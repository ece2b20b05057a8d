#!/usr/bin/env python3
"""Makes losses.json: the first losses of small training runs, as PyTorch computes them.

The tests repeat these runs with the library (30 steps in float32) and with core/reference_vae.hpp
(100 steps in float64). Initial weights, order of the images and noise come from the library's own
random numbers (core/random.hpp), written again here in numpy, so nothing but losses is stored.

PyTorch knows the gradients by autograd: nothing here is shared with the hand-written ones.

    python3 tests/golden/make_golden.py        needs numpy and torch; takes a minute or two
"""
import gzip
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
SAMPLE = HERE / "../../apps/mnist_vae/sample/train-images-idx3-ubyte.gz"
SEED = 7
BATCH_SIZE = 128
STEPS = {"float32": 30, "float64": 100}
INITIAL_WEIGHTS, SHUFFLE, TRAINING_NOISE = 0, 1, 2  # handgrad::Purpose


# --- Random numbers: core/random.hpp -------------------------------------------------------------

def philox(counter, key):
    """Philox4x32-10 of four arrays of counter words; uint64 arrays that hold 32 bits each."""
    mask = np.uint64(0xFFFFFFFF)
    c0, c1, c2, c3 = (np.asarray(c, dtype=np.uint64) for c in counter)
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = ((p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & mask,
                          (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & mask)
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def words(purpose, epoch, samples, count):
    """Words 0 .. count - 1 of the stream of every sample: uint64, (samples, count)."""
    samples = np.asarray(samples, dtype=np.uint64)[:, None]
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)[None, :]
    ones = np.ones_like(samples * blocks)
    parts = philox((ones * blocks, ones * samples, ones * np.uint64(epoch),
                    ones * np.uint64(purpose)), (SEED & 0xFFFFFFFF, SEED >> 32))
    return np.stack(parts, axis=2).reshape(len(samples), -1)[:, :count]


def normals(purpose, epoch, samples, count):
    """Box-Muller in double, (samples, count)."""
    bits = words(purpose, epoch, samples, count + count % 2)
    radius_bits, angle_bits = bits[:, 0::2] >> np.uint64(8), bits[:, 1::2] >> np.uint64(8)
    radius = np.sqrt(-2 * np.log((radius_bits + np.uint64(1)) / 2**24))  # of u in (0, 1]
    angle = 2 * np.pi * (angle_bits / 2**24)
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2)
    return pairs.reshape(len(bits), -1)[:, :count]


def uniform(tensor, limit, shape):
    """U(-limit, limit), float32. The sum is exact in double, so it is rounded once, as fma does."""
    limit = np.float32(limit)
    bits = words(INITIAL_WEIGHTS, 0, [tensor], shape[0] * shape[1])
    u = (bits >> np.uint64(8)).astype(np.float64) / 2**24
    width = np.float64(limit - -limit)
    return (width * u - np.float64(limit)).astype(np.float32).reshape(shape)


def shuffled(count, epoch):
    order = np.arange(count)
    bits = words(SHUFFLE, epoch, [0], count)[0]
    for i in range(count - 1, 0, -1):
        j = (int(bits[i]) * (i + 1)) >> 32
        order[i], order[j] = order[j], order[i]
    return order


def check_random_numbers():
    """Random123, tests/kat_vectors, philox4x32 10."""
    pi = philox(([0x243F6A88], [0x85A308D3], [0x13198A2E], [0x03707344]), (0xA4093822, 0x299F31D0))
    assert [int(w[0]) for w in pi] == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


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
    raw = gzip.decompress(SAMPLE.read_bytes())
    pixels = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784)
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
