"""The library's own random numbers (core/random.hpp), written again in numpy, and the images of the bundled
sample: what the makers of golden traces share. Nothing here is of the library but the formulas.
"""
import gzip
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
SAMPLE = HERE / "../../apps/mnist_vae/sample/train-images-idx3-ubyte.gz"
SEED = 7
INITIAL_WEIGHTS, SHUFFLE, TRAINING_NOISE = 0, 1, 2  # handgrad::Purpose
BINARIZATION = 5


def sample_pixels():
    """The training images of the sample, a row of bytes each."""
    raw = gzip.decompress(SAMPLE.read_bytes())
    return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784)


def philox(counter, key):
    """Philox4x32-10 of four arrays of counter words; uint64 arrays that hold 32 bits each."""
    mask = np.uint64(0xFFFFFFFF)
    c0, c1, c2, c3 = (np.asarray(c, dtype=np.uint64) for c in counter)
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = ((p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & mask,
                          (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & mask)
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def words(purpose, epoch, samples, count):
    """Words 0 .. count - 1 of the stream of every sample: uint64, (samples, count)."""
    samples = np.asarray(samples, dtype=np.uint64)[:, None]
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)[None, :]
    ones = np.ones_like(samples * blocks)
    parts = philox((ones * blocks, ones * samples, ones * np.uint64(epoch),
                    ones * np.uint64(purpose)), (SEED & 0xFFFFFFFF, SEED >> 32))
    return np.stack(parts, axis=2).reshape(len(samples), -1)[:, :count]


def normals(purpose, epoch, samples, count):
    """Box-Muller in double, (samples, count)."""
    bits = words(purpose, epoch, samples, count + count % 2)
    radius_bits, angle_bits = bits[:, 0::2] >> np.uint64(8), bits[:, 1::2] >> np.uint64(8)
    radius = np.sqrt(-2 * np.log((radius_bits + np.uint64(1)) / 2**24))  # of u in (0, 1]
    angle = 2 * np.pi * (angle_bits / 2**24)
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2)
    return pairs.reshape(len(bits), -1)[:, :count]


def uniform(tensor, limit, shape):
    """U(-limit, limit), float32. The sum is exact in double, so it is rounded once, as fma does."""
    limit = np.float32(limit)
    bits = words(INITIAL_WEIGHTS, 0, [tensor], shape[0] * shape[1])
    u = (bits >> np.uint64(8)).astype(np.float64) / 2**24
    width = np.float64(limit - -limit)
    return (width * u - np.float64(limit)).astype(np.float32).reshape(shape)


def truncated_normal(tensor, shape):
    """N(0, 1) without what lies beyond 2, of variance 1 / fan_in: a number beyond is drawn again, the k-th time
    from the stream of epoch k. float32."""
    values = np.full(shape[0] * shape[1], 4, np.float64)
    epoch = 0
    while (beyond := ~(np.abs(values) <= 2)).any():
        again = normals(INITIAL_WEIGHTS, epoch, [tensor], len(values))[0]
        values[beyond] = again[beyond]
        epoch += 1
    deviation = 0.87962566103423978  # of what is left
    return (values / (deviation * np.sqrt(shape[0]))).astype(np.float32).reshape(shape)


def black_and_white(pixels, epoch):
    """Grey bytes as 0 and 255, white with probability pixel / 255."""
    bits = words(BINARIZATION, epoch, np.arange(len(pixels)), pixels.shape[1]) >> np.uint64(8)
    white = bits * np.uint64(255) < pixels.astype(np.uint64) << np.uint64(24)
    return np.where(white, 255, 0).astype(np.uint8)


def shuffled(count, epoch):
    order = np.arange(count)
    bits = words(SHUFFLE, epoch, [0], count)[0]
    for i in range(count - 1, 0, -1):
        j = (int(bits[i]) * (i + 1)) >> 32
        order[i], order[j] = order[j], order[i]
    return order


def check_random_numbers():
    """Random123, tests/kat_vectors, philox4x32 10."""
    pi = philox(([0x243F6A88], [0x85A308D3], [0x13198A2E], [0x03707344]), (0xA4093822, 0x299F31D0))
    assert [int(w[0]) for w in pi] == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]
