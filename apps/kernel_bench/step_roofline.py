#!/usr/bin/env python3
"""How long a training step takes, beside the time that its matrix products would take at the peak.

    apps/kernel_bench/step_roofline.py [--nets 784-512-2,784-400-20] [--batch-size N] [--threads 1,2]
        [--isa NAME] [--epochs N] [--rounds N]

The dense roofline of a step is its floating-point operations, every zero multiplied,

    6 batch (sum over dense layers of in out) - 2 batch in out of the first layer

(forward, both gradients; nobody needs the gradient of the images), divided by the FMA peak that
kernel_bench measures right before and after with the same instruction set and number of threads. A
step's time is that of training alone, from log.csv, over all epochs. Runs with one thread are bound
to one processor. Prints a table of ratios: medians over the rounds, smallest and largest behind them.
The data are those that mnist_vae finds by itself. Needs a build in build/.
"""

import argparse
import csv
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRAIN = ROOT / "build/apps/mnist_vae/mnist_vae"
BENCH = ROOT / "build/apps/kernel_bench/kernel_bench"


def fail(code, message):
    print(f"step_roofline: {message}", file=sys.stderr)
    sys.exit(code)


def step_flops(widths, batch):
    """Of a step of the autoencoder pixels-hidden-...-latent; the head has two outputs a latent."""
    pixels, *hidden, latent = widths
    layers = list(zip([pixels] + hidden, hidden + [2 * latent]))
    layers += list(zip([latent] + hidden[::-1], hidden[::-1] + [pixels]))
    first_in, first_out = layers[0]
    products = sum(n_in * n_out for n_in, n_out in layers)
    return 6 * batch * products - 2 * batch * first_in * first_out


def pin(threads):
    return ["taskset", "-c", "0"] if threads == 1 and shutil.which("taskset") else []


def run(command, environment):
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True,
                            check=False)
    if result.returncode != 0:
        fail(4, f"{' '.join(command)}: {(result.stderr.strip().splitlines() or ['failed'])[-1]}")
    return result


def measured_peak(threads, environment):
    """Operations a second; kernel_bench says so before it runs anything."""
    result = run(pin(threads) + [str(BENCH), "--benchmark_list_tests=true", "--shape",
                                 "sum_rows:8x8"],
                 environment | {"OMP_NUM_THREADS": str(threads)})
    found = re.search(rf"threads:{threads}: FMA peak ([0-9.]+) GFLOP/s", result.stderr)
    return float(found.group(1)) * 1e9


def step_seconds(widths, batch, threads, sparsity, epochs, environment):
    """Seconds a step, averaged over the epochs."""
    with tempfile.TemporaryDirectory() as folder:
        hidden = ",".join(map(str, widths[1:-1]))
        run(pin(threads) + [str(TRAIN), "train", "--hidden", hidden, "--latent", str(widths[-1]),
                            "--batch-size", str(batch), "--threads", str(threads), "--epochs",
                            str(epochs), "--sparsity", sparsity, "--quiet", "--out",
                            folder + "/run"], environment)
        with open(folder + "/run/log.csv", encoding="utf-8") as log:
            rows = list(csv.DictReader(log))
    return sum(float(row["seconds"]) for row in rows) / int(rows[-1]["step"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--nets", default="784-512-2,784-400-20")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", default=",".join(
        map(str, sorted({1, len(os.sched_getaffinity(0))}))))
    parser.add_argument("--isa", help="as HANDGRAD_ISA; the strongest, if not given")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.rounds < 1 or options.epochs < 1 or options.batch_size < 1:
        fail(2, "rounds, epochs and batch size: at least 1")
    for program in (TRAIN, BENCH):
        if not program.exists():
            fail(2, f"{program}: not built; meson setup build --buildtype=release && ninja -C build")
    info = run([str(TRAIN), "info"], dict(os.environ)).stdout
    isa = options.isa or re.search(r"^chosen +([a-z0-9]+)", info, re.MULTILINE).group(1)
    environment = os.environ | {"HANDGRAD_ISA": isa}

    print(f"{isa}, batch {options.batch_size}, epochs 1 to {options.epochs}, "
          f"medians of {options.rounds} rounds (smallest to largest)")
    print(f"{'net':16} threads  sparsity  us a step  {'step / dense roofline':24} GFLOP/s peak")
    for net in options.nets.split(","):
        widths = [int(width) for width in net.split("-")]
        flops = step_flops(widths, options.batch_size)
        for threads in map(int, options.threads.split(",")):
            for sparsity in ("auto", "off"):
                ratios, times, peaks = [], [], []
                for _ in range(options.rounds):
                    before = measured_peak(threads, environment)
                    times.append(step_seconds(widths, options.batch_size, threads, sparsity,
                                              options.epochs, environment))
                    peaks.append((before + measured_peak(threads, environment)) / 2)
                    ratios.append(times[-1] * peaks[-1] / flops)
                spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
                print(f"{net:16} {threads:7}  {sparsity:8} {statistics.median(times) * 1e6:10.0f}  "
                      f"{statistics.median(ratios):.2f} {spread:19} "
                      f"{statistics.median(peaks) / 1e9:12.1f}", flush=True)


if __name__ == "__main__":
    main()
