#!/usr/bin/env python3
"""Makes conventions.json: what each --convention of mnist_vae train stands for, done by the framework itself.

For each of them the losses of the first 30 steps on the bundled sample, and what the framework's own initialisers
draw. All in float64: in float32, Keras and optax take 1 - beta^t of a rounded power, which moves their first steps by
some 1e-5. Keras trains with its Dense layers, its binary_crossentropy and its Adam; PyTorch with nn.Linear,
F.binary_cross_entropy and torch.optim.Adam; Flax with nn.Dense and optax.adam; the program of Burda, Grosse and
Salakhutdinov is written again in JAX, with its Adam. Gradients are the framework's. Weights to start with, order,
noise and black and white pixels are the library's own random numbers (library_numbers.py).

    python3 tests/golden/make_conventions.py     needs numpy, torch, jax, flax, optax and keras
"""
import json
import math
import os

import numpy as np

from library_numbers import (HERE, TRAINING_NOISE, black_and_white, check_random_numbers, normals, sample_pixels,
                             shuffled, truncated_normal, uniform)

os.environ["KERAS_BACKEND"], os.environ["JAX_ENABLE_X64"] = "jax", "1"

STEPS, PIXELS = 30, 784
DRAWS = 20  # of every tensor, from as many seeds


def layers(hidden, latent):
    """(name, fan_in, fan_out) of every layer, as the files of mnist_vae name them."""
    there = [PIXELS, *hidden]
    back = [latent, *reversed(hidden), PIXELS]
    return ([(f"encoder.{i}", a, b) for i, (a, b) in enumerate(zip(there, there[1:]))]
            + [("mu", hidden[-1], latent), ("logvar", hidden[-1], latent)]
            + [(f"decoder.{i}", a, b) for i, (a, b) in enumerate(zip(back, back[1:]))])


def glorot(number, fan_in, fan_out):
    return uniform(number, math.sqrt(6 / (fan_in + fan_out)), (fan_in, fan_out)), np.zeros(fan_out, np.float32)


def torch_linear(number, fan_in, fan_out):
    limit = 1 / math.sqrt(fan_in)
    return uniform(number, limit, (fan_in, fan_out)), uniform(number + 1, limit, (1, fan_out))[0]


def lecun(number, fan_in, fan_out):
    return truncated_normal(number, (fan_in, fan_out)), np.zeros(fan_out, np.float32)


def start(net, draw):
    """Weight (in, out) and bias of every layer, from the library's random numbers."""
    return {name: draw(2 * i, a, b) for i, (name, a, b) in enumerate(net)}


def batches(count, batch_size, shuffle):
    """(epoch, positions of the images) of the first steps; epochs from 1."""
    step = epoch = 0
    while True:
        epoch += 1
        order = shuffled(count, epoch) if shuffle else np.arange(count)
        for first in range(0, count, batch_size):
            if step == STEPS:
                return
            step += 1
            yield epoch, order[first:first + batch_size]


def train(step, images, batch_size, latent, shuffle=True, pixels_of=None):
    """The losses of the first steps: step(x, noise, epoch) makes one. pixels_of(epoch) are the images of an epoch."""
    losses = []
    for epoch, samples in batches(len(images), batch_size, shuffle):
        pixels = images if pixels_of is None else pixels_of(epoch)
        x = pixels[samples] / 255
        noise = normals(TRAINING_NOISE, epoch, samples, latent)
        losses.append(float(step(x, noise, epoch)))
    return losses


def statistics(drawn):
    """drawn: for each tensor what a framework drew for it, several times."""
    return {name: {"count": int(sum(v.size for v in values)),
                   "largest": float(max(np.abs(v).max() for v in values)),
                   "deviation": float(np.sqrt(np.mean(np.concatenate([v.ravel() for v in values]) ** 2)))}
            for name, values in drawn.items()}


def draw_many(net, draw):
    """draw(seed, fan_in, fan_out) -> weight, bias."""
    drawn = {}
    for i, (name, a, b) in enumerate(net):
        for seed in range(DRAWS):
            weight, bias = draw(1000 * i + seed, a, b)
            drawn.setdefault(name + ".weight", []).append(np.asarray(weight))
            drawn.setdefault(name + ".bias", []).append(np.asarray(bias))
    return statistics(drawn)


# --- Keras: the dense autoencoder of its examples -----------------------------------------------

def make_keras(images):
    import jax
    import keras
    from keras import ops

    keras.config.set_floatx("float64")
    net = layers([512], 2)
    activations = {"encoder.0": "relu", "decoder.0": "relu", "decoder.1": "sigmoid"}
    model = {}
    for name, weights in start(net, glorot).items():
        model[name] = keras.layers.Dense(weights[0].shape[1], activation=activations.get(name))
        model[name].build((None, weights[0].shape[0]))
        model[name].set_weights(weights)
    adam = keras.optimizers.Adam(learning_rate=1e-3)
    variables = [v for layer in model.values() for v in layer.trainable_variables]
    adam.build(variables)
    values, state = [v.value for v in variables], [v.value for v in adam.variables]

    def loss_of(values, x, noise):
        def call(name, v):
            at = 2 * list(model).index(name)
            return model[name].stateless_call(values[at:at + 2], [], v)[0]

        h = call("encoder.0", x)
        mu, logvar = call("mu", h), call("logvar", h)
        y = call("decoder.1", call("decoder.0", mu + ops.exp(0.5 * logvar) * noise))
        recon = PIXELS * keras.losses.binary_crossentropy(x, y)
        kl = -0.5 * ops.sum(1 + logvar - ops.square(mu) - ops.exp(logvar), axis=-1)
        return ops.mean(recon + kl)

    gradient_of = jax.value_and_grad(loss_of)

    def step(x, noise, _):
        nonlocal values, state
        loss, gradient = gradient_of(values, x, noise)
        values, state = adam.stateless_apply(state, gradient, values)
        return loss

    def draw(seed, a, b):
        keras.utils.set_random_seed(seed)
        layer = keras.layers.Dense(b)
        layer.build((None, a))
        return layer.get_weights()

    return {"made_by": f"Keras {keras.__version__} on JAX {jax.__version__}", "arguments": [],
            "losses": train(step, images, 128, 2), "initial": draw_many(net, draw)}


# --- PyTorch: pytorch/examples, vae -------------------------------------------------------------

def make_torch(images):
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.set_num_threads(1)
    net = layers([400], 20)
    model = nn.ModuleDict()
    for name, (weight, bias) in start(net, torch_linear).items():
        layer = nn.Linear(*weight.shape, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(weight.T))
            layer.bias.copy_(torch.tensor(bias))
        model[name.replace(".", "_")] = layer
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(x, noise, _):
        x, noise = torch.tensor(x), torch.tensor(noise)
        h = F.relu(model["encoder_0"](x))
        mu, logvar = model["mu"](h), model["logvar"](h)
        z = mu + torch.exp(0.5 * logvar) * noise
        y = torch.sigmoid(model["decoder_1"](F.relu(model["decoder_0"](z))))
        loss = F.binary_cross_entropy(y, x, reduction="sum")
        loss = loss - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.item() / len(x)

    def draw(seed, a, b):
        torch.manual_seed(seed)
        layer = nn.Linear(a, b)
        return layer.weight.detach().numpy(), layer.bias.detach().numpy()

    return {"made_by": f"PyTorch {torch.__version__}", "arguments": [],
            "losses": train(step, images, 128, 20), "initial": draw_many(net, draw)}


# --- Flax: its example, vae ---------------------------------------------------------------------

def make_flax(images):
    import flax
    import jax
    import jax.numpy as jnp
    import optax
    from flax import linen as nn

    held_out = 400
    net = layers([500], 20)
    width = {name: b for name, _, b in net}

    class Vae(nn.Module):
        @nn.compact
        def __call__(self, x, noise):
            def dense(name):
                return nn.Dense(width[name], name=name)

            h = nn.relu(dense("encoder.0")(x))
            mu, logvar = dense("mu")(h), dense("logvar")(h)
            z = mu + noise * jnp.exp(0.5 * logvar)
            return dense("decoder.1")(nn.relu(dense("decoder.0")(z))), mu, logvar

    model, adam = Vae(), optax.adam(1e-3)
    params = {name: {"kernel": jnp.asarray(w, jnp.float64), "bias": jnp.asarray(b, jnp.float64)}
              for name, (w, b) in start(net, lecun).items()}
    state = adam.init(params)

    @jax.value_and_grad
    def gradient_of(params, x, noise):
        logits, mu, logvar = model.apply({"params": params}, x, noise)
        log_p = nn.log_sigmoid(logits)
        bce = -jnp.sum(x * log_p + (1 - x) * jnp.log(-jnp.expm1(log_p)), axis=-1)
        kl = -0.5 * jnp.sum(1 + logvar - jnp.square(mu) - jnp.exp(logvar), axis=-1)
        return bce.mean() + kl.mean()

    def step(x, noise, _):
        nonlocal params, state
        loss, gradient = gradient_of(params, x, noise)
        update, state = adam.update(gradient, state, params)
        params = optax.apply_updates(params, update)
        return loss

    drawn = {}
    for seed in range(DRAWS):
        fresh = model.init(jax.random.key(seed), jnp.zeros((1, PIXELS)), jnp.zeros((1, 20)))["params"]
        for name in fresh:
            drawn.setdefault(name + ".weight", []).append(np.asarray(fresh[name]["kernel"]))
            drawn.setdefault(name + ".bias", []).append(np.asarray(fresh[name]["bias"]))
    binary = black_and_white(images[:-held_out], 0)
    return {"made_by": f"Flax {flax.__version__} and optax {optax.__version__} on JAX {jax.__version__}",
            "arguments": ["--hold-out", str(held_out)],
            "losses": train(step, binary, 128, 20), "initial": statistics(drawn)}


# --- The authors' program for importance weighted autoencoders ----------------------------------

def make_iwae(images):
    import jax
    import jax.numpy as jnp

    # So few images that the first stage of the schedule ends within the trace.
    held_out = 1700
    grey = images[:-held_out]
    net = layers([200, 200], 50)
    params = {name: [jnp.asarray(v, jnp.float64) for v in values] for name, values in start(net, glorot).items()}
    mean = np.clip(grey.mean(axis=0) / 255, 0.001, 0.999)
    params["decoder.2"][1] = jnp.asarray(np.log(mean / (1 - mean)))
    m, v = jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.ones_like, params)
    beta1, beta2, t = 0.99, 0.999, 0

    @jax.value_and_grad
    def gradient_of(params, x, noise):
        def layer(name, value):
            weight, bias = params[name]
            return value @ weight + bias

        h = jnp.tanh(layer("encoder.1", jnp.tanh(layer("encoder.0", x))))
        mu, log_sigma = layer("mu", h), layer("logvar", h)
        z = mu + jnp.exp(log_sigma) * noise
        logits = layer("decoder.2", jnp.tanh(layer("decoder.1", jnp.tanh(layer("decoder.0", z)))))
        log_px = jnp.sum(x * logits - jax.nn.softplus(logits), axis=-1)
        log_w = log_px + jnp.sum(-0.5 * z * z + 0.5 * noise * noise + log_sigma, axis=-1)
        return -jnp.sum(log_w)

    def step(x, noise, epoch):
        nonlocal params, m, v, t
        t += 1
        total, gradient = gradient_of(params, x, noise)
        rate = 1e-4 * round(10 * 10 ** (-(0 if epoch == 1 else 1) / 7), 1)  # of the first two stages, 1 and 3 epochs
        alpha = rate * math.sqrt(1 - beta2 ** t) / (1 - beta1 ** t)
        params = jax.tree.map(lambda w, m, v: w - alpha * m / (jnp.sqrt(v) + 1e-4), params, m, v)
        m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, gradient)
        v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, gradient)
        return total / len(x)

    def draw(seed, a, b):
        return jax.nn.initializers.glorot_uniform()(jax.random.key(seed), (a, b)), np.zeros(b, np.float32)

    initial = draw_many(net, draw)
    del initial["decoder.2.bias"]  # of the data, not drawn
    binary = {epoch: black_and_white(grey, epoch) for epoch in (1, 2)}
    losses = train(step, grey, 20, 50, shuffle=False, pixels_of=binary.get)
    return {"made_by": f"JAX {jax.__version__}", "arguments": ["--hold-out", str(held_out)],
            "losses": losses, "initial": initial}


def main():
    check_random_numbers()
    images = sample_pixels()
    golden = {}
    for name, make in {"keras": make_keras, "torch": make_torch, "flax": make_flax, "iwae": make_iwae}.items():
        golden[name] = make(images)
        print(name, golden[name]["losses"][0], golden[name]["losses"][-1])
    (HERE / "conventions.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
