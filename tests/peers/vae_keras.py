"""The VAE of mnist_vae in Keras 3, trained by `fit`, on the backend that KERAS_BACKEND names.

The KL divergence is added by a layer: the recipe vae.add_loss(tensor) of Keras 2 is gone.
"""
import os
import time

import peer


def main():
    p = peer.parser(__doc__)
    p.add_argument("--jit", action="store_true", help="jit_compile=True (JAX always compiles)")
    a = p.parse_args()
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend == "tensorflow":
        import tensorflow as tf
        tf.config.threading.set_intra_op_parallelism_threads(a.threads)
        tf.config.threading.set_inter_op_parallelism_threads(a.threads)
        version = f"tensorflow {tf.__version__}"
    else:
        import jax
        version = f"jax {jax.__version__}"
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(a.seed)
    report = peer.Report(a.out, f"keras {keras.__version__}, {version}")

    class Sampling(layers.Layer):
        def __init__(self):
            super().__init__()
            self.noise = keras.random.SeedGenerator(a.seed)

        def call(self, head):
            mu, logvar = ops.split(head, 2, axis=1)
            kl = -0.5 * ops.sum(1 + logvar - ops.square(mu) - ops.exp(logvar), axis=1)
            self.add_loss(ops.mean(kl))
            return mu + ops.exp(0.5 * logvar) * keras.random.normal(ops.shape(mu), seed=self.noise)

    inputs = keras.Input((784,))
    hidden = layers.Dense(a.hidden, activation="relu")(inputs)
    # One layer for the mean and the log variance: one product instead of two.
    z = Sampling()(layers.Dense(2 * a.latent)(hidden))
    logits = layers.Dense(784)(layers.Dense(a.hidden, activation="relu")(z))
    vae = keras.Model(inputs, logits)

    def reconstruction(targets, outputs):
        return 784 * keras.losses.binary_crossentropy(targets, outputs, from_logits=True)

    vae.compile(optimizer=keras.optimizers.Adam(peer.LEARNING_RATE), loss=reconstruction,
                jit_compile=a.jit if backend == "tensorflow" else "auto")

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            report.epoch(logs["loss"], time.perf_counter() - self.start)

    x = peer.training_images(a.data)
    vae.fit(x, x, epochs=a.epochs, batch_size=a.batch_size, shuffle=True, verbose=0,
            callbacks=[Clock()])
    report.finish()


main()
