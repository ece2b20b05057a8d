#!/usr/bin/env python3
"""Models of mnist_vae beside PyTorch.

    check_torch.py make SEED RUN...    writes a random model of RUN's config.json, by PyTorch, into RUN
    check_torch.py compare RUN...      each has reconstruct.npy and latents.npy of the same images

Where PyTorch made the weights, the comparison is with what PyTorch itself stored of them.
"""
import json
import pathlib
import sys

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "apps" / "mnist_vae"))
import pytorch_vae
from closeness import Closeness


def make(seed, runs):
    torch.manual_seed(seed)
    for run in runs:
        model = pytorch_vae.DenseVae(json.loads((run / "config.json").read_text()))
        torch.save(model.state_dict(), run / "torch.pt")
        pytorch_vae.save(model, run)


def compare(runs):
    closeness = Closeness()
    for run in runs:
        model = pytorch_vae.load(run)
        if (run / "torch.pt").exists():
            model.load_state_dict(torch.load(run / "torch.pt"))
        originals, reconstructions = np.load(run / "reconstruct.npy")
        latents = np.load(run / "latents.npy")
        with torch.no_grad():
            x = torch.from_numpy(originals.reshape(len(originals), -1))
            mu, logvar = model.encode(x)
            pixels = model.decode(mu)
        closeness.compare(f"{run}: mu", mu, latents["mu"])
        closeness.compare(f"{run}: logvar", logvar, latents["logvar"])
        closeness.compare(f"{run}: pixels", pixels, reconstructions.reshape(x.shape))
    closeness.finish()


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]), map(pathlib.Path, sys.argv[3:]))
    else:
        compare(map(pathlib.Path, sys.argv[2:]))
