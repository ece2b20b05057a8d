#!/usr/bin/env python3
"""What several ranks cost and gain: measured on this machine, and reckoned for others.

    apps/kernel_bench/rank_times.py [--batch-sizes 128,512,2048] [--rounds N] [--app PATH]

Trains 784-512-2 with one thread for each rank, by turns: on one rank, on one rank with two shards,
on two ranks, and on one rank with two threads. A step's time is that of training alone, from
log.csv. Prints medians over the rounds, smallest and largest behind them, and then what

    T(N) = a + b images / N + 2 (N - 1) / N gradients / bandwidth + 4 latency

makes of a line a + b images through the times of one rank with two shards, for links of 1 and 10
Gbit/s. The data are those that mnist_vae finds by itself. Needs mpirun, two processors, and
mnist_vae built with -Dmpi=enabled.
"""

import argparse
import csv
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GRADIENT_BYTES = 4 * 807700
# Name, payload in bytes a second, seconds: what TCP leaves of a link, and a usual switch.
LINKS = [("1 Gbit/s", 117e6, 50e-6), ("10 Gbit/s", 1.17e9, 20e-6)]
ROOT_ALLOWED = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
# Name, ranks, shards, threads of each rank.
WAYS = [("1 rank", 1, 1, 1), ("1 rank, 2 shards", 1, 2, 1), ("2 ranks", 2, 2, 1),
        ("1 rank, 2 threads", 1, 1, 2)]


def step_milliseconds(app, batch, ranks, shards, threads):
    """Of the second epoch; the first finds the pages of its memory."""
    with tempfile.TemporaryDirectory() as folder:
        command = [app, "train", "--batch-size", str(batch), "--epochs", "2", "--out",
                   f"{folder}/run", "--shards", str(shards), "--threads", str(threads), "--quiet"]
        if ranks > 1:
            command = ["mpirun", "-np", str(ranks), "--bind-to", "core"] + command
        result = subprocess.run(command, env=os.environ | ROOT_ALLOWED, capture_output=True,
                                text=True, check=False)
        if result.returncode != 0:
            sys.exit(f"rank_times: {' '.join(command)}: {result.stderr.strip()}")
        with open(f"{folder}/run/log.csv", encoding="ascii") as log:
            first, last = list(csv.DictReader(log))
        return 1e3 * float(last["seconds"]) / (int(last["step"]) - int(first["step"]))


def fit_line(points):
    """The intercept and slope of the least squares line through (x, y)."""
    mean_x = statistics.mean(x for x, _ in points)
    mean_y = statistics.mean(y for _, y in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum(
        (x - mean_x) ** 2 for x, _ in points)
    return mean_y - slope * mean_x, slope


def predict(start, slope, images, ranks, bandwidth, latency):
    """Milliseconds a step, from milliseconds, milliseconds an image, bytes a second and seconds."""
    if ranks == 1:
        return start + slope * images
    sent = 2 * (ranks - 1) / ranks * GRADIENT_BYTES
    return start + slope * images / ranks + 1e3 * (sent / bandwidth + 4 * latency)


def prediction(start, slope, batches):
    """A table of them, for every link."""
    return "\n".join(
        f"| {batch} | {name} | " + " | ".join(
            f"{predict(start, slope, batch, ranks, bandwidth, latency):.1f}"
            for ranks in (1, 2, 4, 8)) + " |"
        for batch in batches for name, bandwidth, latency in LINKS)


def main():
    parser = argparse.ArgumentParser(description="What several ranks cost and gain.")
    parser.add_argument("--batch-sizes", default="128,512,2048")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--app", default=str(ROOT / "build/variants/mpi/apps/mnist_vae/mnist_vae"))
    arguments = parser.parse_args()
    batches = [int(text) for text in arguments.batch_sizes.split(",")]
    if arguments.rounds < 1 or min(batches) < 2:
        print("rank_times: rounds: at least 1, batch sizes: at least 2", file=sys.stderr)
        sys.exit(2)

    times = {}
    for _ in range(arguments.rounds):
        for batch in batches:
            for way in WAYS:
                times.setdefault((batch, way[0]), []).append(
                    step_milliseconds(arguments.app, batch, *way[1:]))
    print("batch  measured            ms a step")
    for (batch, name), found in times.items():
        print(f"{batch:5}  {name:18}  {statistics.median(found):7.2f} "
              f"({min(found):.2f} to {max(found):.2f})")

    if len(batches) < 2:
        return
    start, slope = fit_line([(batch, statistics.median(times[batch, WAYS[1][0]]))
                             for batch in batches])
    print(f"\na step of one rank: {start:.2f} ms + {1e3 * slope:.2f} us an image")
    print("| batch | link | 1 rank | 2 ranks | 4 ranks | 8 ranks |")
    print(prediction(start, slope, batches + [8192]))


if __name__ == "__main__":
    main()
