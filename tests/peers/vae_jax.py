"""The VAE of mnist_vae in JAX with optax: a jitted step a call or, with --scan, an epoch a call."""
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

import peer


def initial(key, hidden, latent):
    def dense(key, n_in, n_out):
        limit = (6 / (n_in + n_out)) ** 0.5
        return {"w": jax.random.uniform(key, (n_in, n_out), minval=-limit, maxval=limit),
                "b": jnp.zeros(n_out)}

    k = jax.random.split(key, 4)
    # One layer for the mean and the log variance: one product instead of two.
    return {"h1": dense(k[0], 784, hidden), "head": dense(k[1], hidden, 2 * latent),
            "h2": dense(k[2], latent, hidden), "out": dense(k[3], hidden, 784)}


def loss(params, x, key):
    """In nats per image."""
    def layer(name, v):
        return v @ params[name]["w"] + params[name]["b"]

    mu, logvar = jnp.split(layer("head", jax.nn.relu(layer("h1", x))), 2, axis=1)
    z = mu + jnp.exp(0.5 * logvar) * jax.random.normal(key, mu.shape)
    logits = layer("out", jax.nn.relu(layer("h2", z)))
    bce = jnp.sum(jax.nn.softplus(logits) - x * logits, axis=1)
    kl = -0.5 * jnp.sum(1 + logvar - mu * mu - jnp.exp(logvar), axis=1)
    return jnp.mean(bce + kl)


def main():
    p = peer.parser(__doc__)
    p.add_argument("--scan", action="store_true", help="one compiled call an epoch")
    a = p.parse_args()
    adam = optax.adam(peer.LEARNING_RATE)
    report = peer.Report(a.out, f"jax {jax.__version__}, optax {optax.__version__}")

    def step(carry, images, rows):
        params, state, key = carry
        key, noise = jax.random.split(key)
        value, gradients = jax.value_and_grad(loss)(params, images[rows], noise)
        updates, state = adam.update(gradients, state)
        return (optax.apply_updates(params, updates), state, key), value * len(rows)

    def epoch(carry, images, full_batches, rest):
        carry, values = jax.lax.scan(lambda c, rows: step(c, images, rows), carry, full_batches)
        if not len(rest):
            return carry, jnp.sum(values)
        carry, value = step(carry, images, rest)
        return carry, jnp.sum(values) + value

    step_call = jax.jit(step, donate_argnums=0)
    epoch_call = jax.jit(epoch, donate_argnums=0)
    # The images lie on the device, and a step gathers its own: faster than to hand it a batch.
    images = jnp.asarray(peer.training_images(a.data))
    params = initial(jax.random.key(a.seed), a.hidden, a.latent)
    carry = (params, adam.init(params), jax.random.key(a.seed + 1))
    shuffler = np.random.default_rng(a.seed)
    n, whole = len(images), len(images) // a.batch_size * a.batch_size
    for _ in range(a.epochs):
        start = time.perf_counter()
        order = shuffler.permutation(n).astype(np.int32)
        if a.scan:
            full_batches = order[:whole].reshape(-1, a.batch_size)
            carry, total = epoch_call(carry, images, full_batches, order[whole:])
        else:
            values = []
            for i in range(0, n, a.batch_size):
                carry, value = step_call(carry, images, order[i:i + a.batch_size])
                values.append(value)
            total = sum(map(float, values))
        jax.block_until_ready(carry)
        report.epoch(float(total) / n, time.perf_counter() - start)
    report.finish()


main()
