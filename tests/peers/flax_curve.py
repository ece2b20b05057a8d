"""Validation losses of Flax's dense VAE, epoch by epoch, for the curves that mnist_vae compares runs with.

Prints rows as apps/mnist_vae/curves/README.md describes them: the mean over the seeds, and as band three times the
largest deviation of one seed from it in any epoch from the third on, rounded up to tenths; for the first two epochs,
which depend most on the first weights, twice that. z is sampled once for each validation image, as Flax's example does.
"""
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

import peer

INITIALIZERS = {
    "lecun": nn.initializers.lecun_normal(),
    "glorot": nn.initializers.glorot_uniform(),
    # U(-a, a), a = 1 / sqrt(fan_in), which is PyTorch's for weights; its biases start at zero here.
    "torch": nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform"),
}


class VAE(nn.Module):
    hidden: int
    latent: int
    initializer: str

    @nn.compact
    def __call__(self, x, key):
        def dense(width):
            return nn.Dense(width, kernel_init=INITIALIZERS[self.initializer])

        h = nn.relu(dense(self.hidden)(x))
        mu, logvar = dense(self.latent)(h), dense(self.latent)(h)
        z = mu + jnp.exp(logvar / 2) * jax.random.normal(key, mu.shape)
        return dense(x.shape[-1])(nn.relu(dense(self.hidden)(z))), mu, logvar


def losses(model, params, x, key):
    """recon and kl, in nats per image."""
    logits, mu, logvar = model.apply(params, x, key)
    recon = jnp.sum(optax.sigmoid_binary_cross_entropy(logits, x), axis=-1)
    return recon.mean(), -0.5 * jnp.sum(1 + logvar - mu ** 2 - jnp.exp(logvar), axis=-1).mean()


def curve(a, seed):
    """(epochs, 3): loss, recon and kl of the images to validate on."""
    rng = np.random.default_rng(seed)
    train, test = peer.training_images(a.data), peer.images(a.data, "t10k-images-idx3-ubyte")
    if a.hold_out:
        train, test = train[:-a.hold_out], train[-a.hold_out:]
    grey = train
    if a.binarize != "none":
        train, test = (np.asarray(rng.random(x.shape) < x, np.float32) for x in (train, test))
    model = VAE(a.hidden, a.latent, a.init)
    adam = optax.adam(peer.LEARNING_RATE)
    params = model.init(jax.random.key(seed), train[:2], jax.random.key(seed))
    state = adam.init(params)

    @jax.jit
    def step(params, state, x, key):
        gradient = jax.grad(lambda p: sum(losses(model, p, x, key)))(params)
        update, state = adam.update(gradient, state)
        return optax.apply_updates(params, update), state

    validate = jax.jit(lambda params, x, key: losses(model, params, x, key))
    key, rows = jax.random.key(seed + 1000), []
    for epoch in range(a.epochs):
        if a.binarize == "dynamic":
            train = np.asarray(rng.random(grey.shape, dtype=np.float32) < grey, np.float32)
        order = rng.permutation(len(train))
        for first in range(0, len(train), a.batch_size):
            key, noise = jax.random.split(key)
            params, state = step(params, state, train[order[first:first + a.batch_size]], noise)
        key, noise = jax.random.split(key)
        recon, kl = map(float, validate(params, test, noise))
        rows.append((recon + kl, recon, kl))
        print(f"# seed {seed} epoch {epoch + 1} loss {recon + kl:.2f}", flush=True)
    return np.array(rows)


def main():
    p = peer.parser(__doc__)
    p.add_argument("--init", choices=INITIALIZERS, default="lecun")
    p.add_argument("--binarize", choices=("none", "static", "dynamic"), default="static")
    p.add_argument("--hold-out", type=int, default=0)
    p.add_argument("--seeds", type=int, default=3)
    a = p.parse_args()
    curves = np.stack([curve(a, seed) for seed in range(a.seeds)])
    mean = curves.mean(axis=0)
    spread = np.abs(curves[:, min(2, a.epochs - 1):, 0] - mean[min(2, a.epochs - 1):, 0]).max()
    print("epoch val_loss band val_recon val_kl")
    for epoch, (loss, recon, kl) in enumerate(mean, 1):
        band = math.ceil(10 * 3 * spread * (2 if epoch < 3 else 1)) / 10
        print(f"{epoch} {loss:.2f} {band:.1f} {recon:.2f} {kl:.2f}")


main()
