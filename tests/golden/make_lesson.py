#!/usr/bin/env python3
"""Makes lesson.json: what PyTorch's autograd says of the digits of `mnist_vae lesson`.

    mnist_vae lesson && tests/golden/make_lesson.py vae-gradients.html >tests/golden/lesson.json

Takes weights, digits and noise from the page, as they are, and nothing that handgrad computed from
them. All in double.
"""
import base64
import json
import math
import re
import struct
import sys

import torch

LAYERS = ["encoder.0", "mu", "logvar", "decoder.0", "decoder.1"]


def floats(text: str) -> torch.Tensor:
    data = base64.b64decode(text)
    return torch.tensor(struct.unpack(f"<{len(data) // 4}f", data), dtype=torch.float64)


def read_page(path: str) -> dict:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def read_parameters(page: dict) -> list[torch.Tensor]:
    """A weight (out, in) and a bias of each layer."""
    parameters = []
    for name in LAYERS:
        bias = floats(page["weights"][name + ".bias"])
        weight = floats(page["weights"][name + ".weight"]).reshape(len(bias), -1)
        parameters += [weight.requires_grad_(), bias.requires_grad_()]
    return parameters


def losses(parameters: list, x: torch.Tensor, noise: torch.Tensor) -> dict:
    def layer(i: int, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(y, parameters[2 * i], parameters[2 * i + 1])

    h = torch.relu(layer(0, x))
    mu, logvar = layer(1, h), layer(2, h)
    z = mu + torch.exp(logvar / 2) * noise
    logits = layer(4, torch.relu(layer(3, z)))
    recon = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
    return {"z": z, "recon": recon, "kl": kl}


def gradients(parameters: list, loss: torch.Tensor) -> list[torch.Tensor]:
    return torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)


def describe(parameters: list, digit: dict) -> dict:
    # A pixel is a float, pixel / 255 correctly rounded.
    pixels = torch.tensor(list(base64.b64decode(digit["pixels"])), dtype=torch.float64)
    x = (pixels / 255).float().double()
    noise = torch.tensor(digit["noise"], dtype=torch.float64)
    found = losses(parameters, x, noise)
    whole = gradients(parameters, found["recon"] + found["kl"])
    kl = gradients(parameters, found["kl"])
    result = {
        "label": digit["label"],
        "z": found["z"].tolist(),
        "recon": found["recon"].item(),
        "kl": found["kl"].item(),
        # Of one image, the gradient at a layer is that of its bias.
        "dmu": whole[3].tolist(),
        "dlogvar": whole[5].tolist(),
        "kl_dmu": kl[3].tolist(),
        "kl_dlogvar": kl[5].tolist(),
        "norms": [g.norm().item() for g in whole],
    }
    # One step with epsilon where Keras has it: the two forms agree at t = 1 with this one.
    copies = [p.detach().clone().requires_grad_() for p in parameters]
    adam = torch.optim.Adam(copies, lr=1e-3, eps=1e-7 / math.sqrt(1 - 0.999))
    before = losses(copies, x, noise)
    (before["recon"] + before["kl"]).backward()
    adam.step()
    after = losses(copies, x, noise)
    result["loss_after"] = (after["recon"] + after["kl"]).item()
    return result


def main() -> None:
    page = read_page(sys.argv[1])
    parameters = read_parameters(page)
    digits = [describe(parameters, digit) for digit in page["digits"]]
    print(json.dumps({"torch": torch.__version__.split("+")[0], "digits": digits}, indent=1))


if __name__ == "__main__":
    main()
