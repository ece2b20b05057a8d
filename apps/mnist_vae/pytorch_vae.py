"""The models of mnist_vae in PyTorch: load(run), save(model, run).

config.json says what the layers are; model.safetensors has the names and shapes of their state_dict.
Needs PyTorch and NumPy alone. The format: https://github.com/huggingface/safetensors
"""
import json
import pathlib
import struct

import torch
from torch import nn

ACTIVATIONS = {"linear": nn.Identity(), "relu": nn.ReLU(), "tanh": nn.Tanh(),
               "sigmoid": nn.Sigmoid()}


class DenseVae(nn.Module):
    def __init__(self, config):
        super().__init__()
        there = [config["image_rows"] * config["image_cols"], *config["hidden"]]
        back = [config["latent"], *reversed(there)]
        self.encoder = nn.ModuleList(map(nn.Linear, there, there[1:]))
        self.mu, self.logvar = (nn.Linear(there[-1], config["latent"]) for _ in range(2))
        self.decoder = nn.ModuleList(map(nn.Linear, back, back[1:]))
        self.config, self.f = config, ACTIVATIONS[config["activation"]]

    def encode(self, x):  # (n, pixels) in [0, 1] -> mu, logvar (n, latent)
        for layer in self.encoder:
            x = self.f(layer(x))
        return self.mu(x), self.logvar(x)

    def decode(self, z):  # (n, latent) -> (n, pixels) in [0, 1]
        for layer in self.decoder[:-1]:
            z = self.f(layer(z))
        out = self.decoder[-1](z)
        return out.clamp(0, 1) if self.config["recon_loss"] == "gaussian" else out.sigmoid()


def load(run):
    run = pathlib.Path(run)
    model = DenseVae(json.loads((run / "config.json").read_text()))
    data = (run / "model.safetensors").read_bytes()
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    state = {}
    for name, entry in json.loads(data[8:begin]).items():
        if name != "__metadata__":
            first, end = (begin + offset for offset in entry["data_offsets"])
            values = torch.frombuffer(bytearray(data[first:end]), dtype=torch.float32)
            state[name] = values.reshape(entry["shape"])
    model.load_state_dict(state)
    return model


def save(model, run):
    run = pathlib.Path(run)
    header, data = {}, b""
    for name, tensor in model.state_dict().items():
        raw = tensor.detach().cpu().float().contiguous().numpy().tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    run.mkdir(parents=True, exist_ok=True)
    (run / "config.json").write_text(json.dumps(model.config))
    (run / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
