"""What the Python peers share: their options, the images in memory, and the file they report in."""
import argparse
import gzip
import json
import os

import numpy as np

LEARNING_RATE = 1e-3


def parser(description):
    """The options that every peer has; a peer adds its own."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--data", required=True, help="folder with MNIST's IDX files, plain or gzipped")
    p.add_argument("--hidden", type=int, default=512, help="width of the hidden layers")
    p.add_argument("--latent", type=int, default=2)
    p.add_argument("--epochs", type=int, default=4)
    p.add_argument("--batch-size", type=int, default=128)
    p.add_argument("--threads", type=int, default=1, help="as many as the processors of this process")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--out", help="file for the result, as JSON")
    return p


def training_images(folder):
    """The training images as float32 in [0, 1], one a row."""
    return images(folder, "train-images-idx3-ubyte")


def images(folder, name):
    """Those of an IDX file, likewise."""
    path = os.path.join(folder, name)
    if os.path.exists(path):
        with open(path, "rb") as file:
            raw = file.read()
    else:
        with gzip.open(path + ".gz", "rb") as file:
            raw = file.read()
    return np.frombuffer(raw, np.uint8)[16:].reshape(-1, 784).astype(np.float32) / 255


class Report:
    """Prints a line per epoch and, at the end, writes the file of --out."""

    def __init__(self, out, version):
        self.out = out
        self.result = {"version": version, "losses": [], "seconds": []}
        print(version, flush=True)

    def epoch(self, loss, seconds):
        self.result["losses"].append(round(float(loss), 4))
        self.result["seconds"].append(round(seconds, 6))
        print(f"epoch {len(self.result['losses'])}  loss {loss:.2f}  {seconds:.3f} s", flush=True)

    def finish(self):
        if self.out:
            with open(self.out, "w", encoding="utf-8") as file:
                json.dump(self.result, file)
                file.write("\n")
