#!/usr/bin/env python3
"""Compares the speed of this tree with that of another commit, in one paired run.

    apps/kernel_bench/compare_commits.py [COMMIT] [--rounds N] [--filter REGEX] [--fail-above R]

Builds COMMIT (HEAD, if not given: what is not committed yet against what is) beside this tree, under
build/, and runs both by turns: kernel_bench on one thread and on all, and training steps. Prints the
ratio of the times, this tree's to the other's, for all that both have: its median over the rounds,
its smallest and largest. Times themselves say nothing a week later on another machine; ratios do.

Exit code: 0; 1 if --fail-above is given and a median ratio is above it; 2 usage; 4 a build or a run
failed.
"""

import argparse
import csv
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The ops that make up a step; other runs of kernel_bench are for looking closer.
OPS = "^(gemm|sparse_gemm|adam|bce_with_logits|load_pixels|gather|transpose)"


def fail(code, message):
    print(f"compare_commits: {message}", file=sys.stderr)
    sys.exit(code)


def run(command, **options):
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
        fail(4, f"{' '.join(map(str, command))}: exit code {result.returncode}: {lines[-1]}")
    return result.stdout


def build(source, folder):
    if not (folder / "build.ninja").exists():
        run(["meson", "setup", str(folder), str(source), "--buildtype=release", "-Dtests=disabled"])
    run(["ninja", "-C", str(folder), "apps/mnist_vae/mnist_vae", "apps/kernel_bench/kernel_bench"])
    return folder


def build_commit(commit):
    """The build folder of a commit, whose files are unpacked beside it."""
    parsed = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet",
                             commit + "^{commit}"], capture_output=True, text=True, check=False)
    if parsed.returncode != 0:
        fail(2, f"{commit}: no such commit")
    folder = ROOT / "build" / ("compare-" + parsed.stdout.strip()[:12])
    source = folder / "source"
    if not source.exists():
        source.mkdir(parents=True)
        archive = subprocess.run(["git", "-C", str(ROOT), "archive", parsed.stdout.strip()],
                                 capture_output=True, check=True).stdout
        subprocess.run(["tar", "x", "-C", str(source)], input=archive, check=True)
    return build(source, folder / "build")


def pin(threads):
    """One thread stays on one processor, where no other thread can help it."""
    return ["taskset", "-c", "0"] if threads == 1 and shutil.which("taskset") else []


def bench(folder, threads, pattern):
    """Seconds a call of each benchmark, by name."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    output = run(pin(threads) + [str(folder / "apps/kernel_bench/kernel_bench"),
                                 f"--benchmark_filter={pattern}.*/threads:{threads}/",
                                 "--benchmark_format=json", "--benchmark_min_time=0.05"],
                 env=environment)
    # With nothing to run there is no JSON.
    if not output.strip():
        return {}
    return {b["name"].removesuffix("/real_time"): b["real_time"]
            for b in json.loads(output)["benchmarks"]}


def train(folder, threads):
    """Seconds an epoch of training alone, the second of two."""
    with tempfile.TemporaryDirectory() as out:
        run(pin(threads) + [str(folder / "apps/mnist_vae/mnist_vae"), "train", "--epochs", "2",
                            "--threads", str(threads), "--quiet", "--out", out + "/run"], cwd=ROOT)
        with open(out + "/run/log.csv", encoding="utf-8") as log:
            return {f"training epoch/threads:{threads}":
                    float(list(csv.DictReader(log))[-1]["seconds"])}


def table(ratios):
    """Lines: the median, smallest and largest ratio of each name, the slowest first."""
    width = max(map(len, ratios))
    lines = [f"{'time here / time there':{width}}  median  smallest  largest"]
    for name, values in sorted(ratios.items(), key=lambda item: -statistics.median(item[1])):
        lines.append(f"{name:{width}}  {statistics.median(values):6.3f}  {min(values):8.3f}"
                     f"  {max(values):7.3f}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("commit", nargs="?", default="HEAD")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--filter", default=OPS, help="which benchmarks, a regular expression")
    parser.add_argument("--fail-above", type=float)
    options = parser.parse_args()
    if options.rounds < 1:
        fail(2, "--rounds: at least 1")

    there = build_commit(options.commit)
    here = build(ROOT, ROOT / "build")
    threads = sorted({1, len(os.sched_getaffinity(0))})
    ratios = {}
    for round_number in range(options.rounds):
        print(f"round {round_number + 1} of {options.rounds}", file=sys.stderr)
        for count in threads:
            for measure in (train, lambda f, t: bench(f, t, options.filter)):
                mine, other = measure(here, count), measure(there, count)
                for name in mine.keys() & other.keys():
                    ratios.setdefault(name, []).append(mine[name] / other[name])
    if not ratios:
        fail(2, f"--filter {options.filter}: no benchmark that both have")
    print(table(ratios))
    if options.fail_above is not None:
        slow = [n for n, v in ratios.items() if not statistics.median(v) <= options.fail_above]
        if slow:
            print(f"slower than {options.fail_above}: {', '.join(sorted(slow))}")
            sys.exit(1)


if __name__ == "__main__":
    main()
