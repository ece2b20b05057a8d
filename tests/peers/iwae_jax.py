"""The published protocol of importance weighted autoencoders in JAX, to hold `mnist_vae train --convention iwae` against.

One stochastic layer, one or more samples; Burda, Grosse and Salakhutdinov 2016, with the settings of the authors'
program: 784-200-200-50 with tanh, log sigma from the encoder, binary pixels drawn anew, batches of 20 in the order of
the file, the last 400 images left out, the KL divergence as sampled, gradients of the sum over a batch, and an Adam
with beta1 0.99, epsilon 1e-4, v starting at 1 and moments that are a step late. Every gradient is JAX's own.

Prints the loss of every epoch and, at the end, -log p(x) of the test images by importance sampling.
"""
import math
import time

import jax
import jax.numpy as jnp
import numpy as np

import peer

LATENT, BATCH, HELD_OUT = 50, 20, 400
BETA1, BETA2, EPSILON = 0.99, 0.999, 1e-4


def initial(key, mean_image):
    def dense(key, n_in, n_out):
        limit = (6 / (n_in + n_out)) ** 0.5
        return {"w": jax.random.uniform(key, (n_in, n_out), minval=-limit, maxval=limit), "b": jnp.zeros(n_out)}

    sizes = {"q1": (784, 200), "q2": (200, 200), "mu": (200, LATENT), "log_sigma": (200, LATENT),
             "p1": (LATENT, 200), "p2": (200, 200), "logits": (200, 784)}
    params = {name: dense(k, *size) for (name, size), k in zip(sizes.items(), jax.random.split(key, len(sizes)))}
    clipped = jnp.clip(mean_image, 0.001, 0.999)
    params["logits"]["b"] = jnp.log(clipped / (1 - clipped))
    return params


def layer(params, name, v):
    return v @ params[name]["w"] + params[name]["b"]


def log_weights(params, x, key, samples):
    """log p(x, z) - log q(z|x) of so many z for every row of x: (samples, n)."""
    h = jnp.tanh(layer(params, "q2", jnp.tanh(layer(params, "q1", x))))
    mu, log_sigma = layer(params, "mu", h), layer(params, "log_sigma", h)
    noise = jax.random.normal(key, (samples, *mu.shape))
    z = mu + jnp.exp(log_sigma) * noise
    logits = layer(params, "logits", jnp.tanh(layer(params, "p2", jnp.tanh(layer(params, "p1", z)))))
    log_px = jnp.sum(x * logits - jax.nn.softplus(logits), axis=-1)
    # 2 pi cancels.
    return log_px + jnp.sum(-0.5 * z * z + 0.5 * noise * noise + log_sigma, axis=-1)


def log_mean_exp(logs):
    return jax.scipy.special.logsumexp(logs, axis=0) - math.log(logs.shape[0])


def rate_of(epoch):
    """Stage i has 3^i epochs; epochs are counted from 0."""
    end = 1
    for i in range(7):
        if epoch < end:
            return 1e-4 * round(10 * 10 ** (-i / 7), 1)
        end += 3 ** (i + 1)
    return 1e-4


def main():
    p = peer.parser(__doc__)
    p.add_argument("--samples", type=int, default=1)
    p.add_argument("--nll-samples", type=int, default=5000)
    a = p.parse_args()
    grey = jnp.asarray(peer.training_images(a.data)[:-HELD_OUT])
    test = peer.images(a.data, "t10k-images-idx3-ubyte")
    key = jax.random.key(a.seed)
    key, first, draw = jax.random.split(key, 3)
    params = initial(first, grey.mean(axis=0))
    test = np.asarray(jax.random.uniform(draw, test.shape) < test, np.float32)
    m = jax.tree.map(jnp.zeros_like, params)
    v = jax.tree.map(jnp.ones_like, params)

    def objective(params, x, key):
        return -jnp.sum(log_mean_exp(log_weights(params, x, key, a.samples)))

    def step(carry, x):
        params, m, v, t, key, rate = carry
        key, noise = jax.random.split(key)
        value, gradient = jax.value_and_grad(objective)(params, x, noise)
        alpha = rate * jnp.sqrt(1 - BETA2 ** t) / (1 - BETA1 ** t)
        params = jax.tree.map(lambda w, m, v: w - alpha * m / (jnp.sqrt(v) + EPSILON), params, m, v)
        m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, gradient)
        v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, gradient)
        return (params, m, v, t + 1, key, rate), value

    @jax.jit
    def epoch(carry, grey):
        params, m, v, t, key, rate = carry
        key, draw = jax.random.split(key)
        x = (jax.random.uniform(draw, grey.shape) < grey).astype(jnp.float32)
        carry, values = jax.lax.scan(step, (params, m, v, t, key, rate), x.reshape(-1, BATCH, 784))
        return carry, jnp.sum(values)

    carry = (params, m, v, jnp.float32(1), key, jnp.float32(0))
    for e in range(a.epochs):
        start = time.perf_counter()
        carry, total = epoch((*carry[:5], jnp.float32(rate_of(e))), grey)
        print(f"epoch {e + 1}  loss {float(total) / len(grey):.2f}  {time.perf_counter() - start:.2f} s", flush=True)

    params, key = carry[0], carry[4]
    chunk = min(500, a.nll_samples)

    @jax.jit
    def bounds(params, x, key):
        logs = [log_weights(params, x[None], k, chunk)[:, 0] for k in jax.random.split(key, a.nll_samples // chunk)]
        logs = jnp.concatenate(logs)
        return -log_mean_exp(logs), -jnp.mean(logs)

    nll, elbo = [], []
    for i, x in enumerate(test):
        bound, plain = bounds(params, x, jax.random.fold_in(key, i))
        nll.append(float(bound)), elbo.append(float(plain))
    error = np.std(nll, ddof=1) / len(nll) ** 0.5
    print(f"minus the ELBO {np.mean(elbo):.3f}, -log p(x) with {a.nll_samples} samples {np.mean(nll):.3f}"
          f" +- {error:.3f}")


main()
