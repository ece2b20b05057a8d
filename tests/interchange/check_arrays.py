#!/usr/bin/env python3
"""The .npy files of a run, read by NumPy.

    check_arrays.py RUN IMAGES LABELS      RUN has reconstruct.npy, sample.npy, manifold.npy,
                                           interpolate.npy, latents.npy and codes.csv;
                                           IMAGES and LABELS are the test images as IDX files
"""
import pathlib
import sys

import numpy as np

from closeness import Closeness


def main(run, images, labels):
    closeness = Closeness()
    idx = np.frombuffer(images.read_bytes(), np.uint8)
    count, rows, cols = np.frombuffer(idx[4:16].tobytes(), ">i4")
    pixels = (idx[16:].astype(np.float32) / np.float32(255)).reshape(count, rows, cols)

    shapes = {"reconstruct": (2, count), "sample": (7,), "manifold": (5, 5), "interpolate": (11,)}
    arrays = {}
    for name, shape in shapes.items():
        arrays[name] = array = np.load(run / f"{name}.npy")
        closeness.expect(f"{name}: the type", array.dtype.str, "<f4")
        closeness.expect(f"{name}: the shape", array.shape, (*map(int, shape), int(rows), int(cols)))
        closeness.expect(f"{name}: in [0, 1]", bool(((array >= 0) & (array <= 1)).all()), True)
    closeness.expect("originals: the pixels", np.array_equal(arrays["reconstruct"][0], pixels), True)

    latents = np.load(run / "latents.npy")
    closeness.expect("latents: the fields", latents.dtype.names, ("label", "mu", "logvar"))
    closeness.expect("labels", latents["label"].tolist(), list(labels.read_bytes()[8:]))
    csv = np.loadtxt(run / "codes.csv", np.float32, delimiter=",", skiprows=1)
    both = np.column_stack([latents["mu"], latents["logvar"]])
    closeness.expect("latents: as in the CSV", np.array_equal(both, csv[:, 2:]), True)
    closeness.finish()


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
