#!/usr/bin/env python3
"""encoder.onnx and decoder.onnx of runs, by the ONNX checker and by ONNX Runtime.

    check_onnx.py RUN...      each has reconstruct.npy and latents.npy of the same images, too
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

from closeness import Closeness

onnxruntime.set_default_logger_severity(3)


def widths(values):
    """What the graph says of its inputs or outputs: name, and size of each dimension."""
    return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}


class Half:
    """One of the two files: checked, and ready to run."""

    def __init__(self, path, inputs, outputs, closeness):
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(path)
        # Of every value, not of those alone whose shape the file says.
        inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        known = widths(list(inferred.graph.value_info) + list(inferred.graph.output))
        made = [name for node in model.graph.node for name in node.output]
        closeness.expect(f"{path}: values of known shape", sorted(known), sorted(made))
        closeness.expect(f"{path}: inputs", widths(model.graph.input), inputs)
        closeness.expect(f"{path}: outputs", widths(model.graph.output), outputs)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, **inputs):
        return self.session.run(None, inputs)


def check(run, closeness):
    config = json.loads((run / "config.json").read_text())
    pixels, latent = config["image_rows"] * config["image_cols"], config["latent"]
    code = {"mu": ["batch", latent], "logvar": ["batch", latent]}
    encoder = Half(run / "encoder.onnx", {"x": ["batch", pixels]}, code, closeness)
    decoder = Half(run / "decoder.onnx", {"z": ["batch", latent]}, {"pixels": ["batch", pixels]}, closeness)

    originals, reconstructions = (a.reshape(-1, pixels) for a in np.load(run / "reconstruct.npy"))
    latents = np.load(run / "latents.npy")
    for rows in slice(0, 1), slice(None):
        mu, logvar = encoder(x=originals[rows])
        closeness.compare(f"{run}: mu", mu, latents["mu"][rows])
        closeness.compare(f"{run}: logvar", logvar, latents["logvar"][rows])
        z = np.ascontiguousarray(latents["mu"][rows])
        closeness.compare(f"{run}: pixels", decoder(z=z)[0], reconstructions[rows])


if __name__ == "__main__":
    result = Closeness()
    for folder in sys.argv[1:]:
        check(pathlib.Path(folder), result)
    result.finish()
