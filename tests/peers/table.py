#!/usr/bin/env python3
"""Makes the tables of tests/peers/run.sh, in Markdown, from a folder of its results.

    table.py RESULTS

RESULTS holds
    machine                                      lines "key=value", for the headings
    train/NET/THREADS/PROGRAM/ROUND.json|.csv    losses and seconds of every epoch; log.csv of mnist_vae
    gemm/ISA/THREADS/PROGRAM/ROUND.json          as Google Benchmark writes it
and, where a program could not be run, ROUND.error with the reason.

Exit status: 0 if every program has a result of every round, 1 if RESULTS cannot be read, 2 for wrong
usage, 3 if something is missing; the tables say what.
"""
import csv
import json
import math
import pathlib
import statistics
import sys

OURS = "handgrad"
TRAINERS = {
    OURS: "**handgrad**",
    "handgrad-dense": "handgrad, zeros not skipped",
    "torch-eager": "PyTorch eager",
    "torch-eager-fused": "PyTorch eager, fused Adam",
    "torch-compiled": "PyTorch compiled, fused Adam",
    "torch-bf16": "PyTorch compiled, fused Adam, bf16 (other numbers)",
    "keras-tensorflow": "Keras on TensorFlow, fit",
    "keras-tensorflow-jit": "Keras on TensorFlow, fit, jit_compile",
    "keras-jax": "Keras on JAX, fit",
    "jax-step": "JAX, a jitted step a call",
    "jax-epoch": "JAX, an epoch a call",
}
NOT_FP32_PEERS = {OURS, "handgrad-dense", "torch-bf16"}
LIBRARIES = {OURS: "handgrad", "onednn": "oneDNN", "openblas": "OpenBLAS"}
PRODUCTS = {
    "gemm_nn:128x512x784": "X W1 (NN 128x512x784)",
    "gemm_nn:128x784x512": "H2 W4 (NN 128x784x512)",
    "gemm_nt:128x512x784": "dY W4' (NT 128x512x784)",
    "gemm_tn:512x784x128": "H2' dY (TN 512x784x128)",
    "gemm_tn:784x512x128": "X' dH1 (TN 784x512x128)",
}
# Quartiles further apart than so many percent of the median are not of the program alone.
UNSTEADY = 10
# Two programs do the same work if their losses differ by no more; seeds alone make half of it.
NATS = 2


class Bad(Exception):
    """A result that cannot be read; the text is one line."""


class Program:
    """The results of all rounds of one program in one section."""

    def __init__(self, folder, read):
        self.errors = []
        self.rounds = []
        for path in sorted(folder.iterdir()):
            if path.suffix == ".error":
                text = path.read_text(encoding="utf-8", errors="replace")
                self.errors.append(text.strip() or "failed")
            elif path.suffix in (".json", ".csv") and not path.with_suffix(".error").exists():
                try:
                    self.rounds.append(read(path))
                except (Bad, ValueError, KeyError, TypeError, AttributeError, OSError) as e:
                    self.errors.append(f"{path.name} cannot be read: {type(e).__name__}: {e}")

    def problem(self):
        """Why results are missing, in one line, or nothing."""
        if not self.errors:
            return "" if self.rounds else "no result"
        more = f" ({len(self.errors)} of {len(self.errors) + len(self.rounds)} rounds)"
        return " ".join(self.errors[0].split()) + (more if self.rounds else "")


def read_training(path):
    """(losses, seconds, version) of a run; the seconds are those after the first epoch."""
    if path.suffix == ".csv":
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        losses, seconds = [float(r["loss"]) for r in rows], [float(r["seconds"]) for r in rows]
        version = ""
    else:
        result = json.loads(path.read_text(encoding="utf-8"))
        losses, seconds = list(map(float, result["losses"])), list(map(float, result["seconds"]))
        version = result["version"]
    if len(losses) != len(seconds) or len(seconds) < 2:
        raise Bad(f"{len(losses)} losses and {len(seconds)} times, expected two epochs or more")
    if not all(map(math.isfinite, losses)) or not all(s > 0 for s in seconds):
        raise Bad("a loss or a time that is no number")
    return losses, seconds[1:], version


def read_products(path):
    """({product: GFLOP/s}, version) of a run."""
    result = json.loads(path.read_text(encoding="utf-8"))
    speeds = {}
    for benchmark in result["benchmarks"]:
        if benchmark.get("error_occurred"):
            raise Bad(f"{benchmark['name']}: {benchmark['error_message']}")
        for name in PRODUCTS:
            if benchmark["name"].startswith(name + "/"):
                speeds[name] = float(benchmark["GFLOP/s"])
    if len(speeds) != len(PRODUCTS):
        raise Bad(f"{len(speeds)} products, expected {len(PRODUCTS)}")
    context = result["context"]
    version = f"{context['library']} with {context['kernels']}" if "library" in context else ""
    return speeds, version


def spread(values):
    """The distance between the quartiles in percent of the median."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return 100 * (high - low) / middle


def spread_text(values):
    return f"{spread(values):.0f} %" if len(values) > 1 else ""


def unsteady_note(names):
    """A line on the programs whose times are not to be trusted, if there are any."""
    if not names:
        return []
    return [f"- unsteady, quartiles more than {UNSTEADY} % apart (was something else running? Repeat it, "
            f"with more rounds): {'; '.join(names)}"]


def ratio(a, b):
    return f"{a / b:.2f}"


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def heading(title, machine, versions, method):
    said = [machine.get("processor", "unknown processor"), method]
    said.append("; ".join(["handgrad " + machine.get("handgrad", "")] + sorted(set(versions) - {""})))
    if "load" in machine:
        said.append(f"Load average before: {machine['load']}")
    return [f"## {title}", "", ". ".join(said) + ".", ""]


def threads_text(threads):
    return "1 thread" if threads == "1" else f"{threads} threads"


def count(n, what):
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def training_table(net, threads, programs, machine):
    """The lines of the table, and whether it is complete."""
    seconds, losses, versions = {}, {}, []
    for name, program in programs.items():
        if program.rounds:
            seconds[name] = [s for r in program.rounds for s in r[1]]
            losses[name] = statistics.median(r[0][-1] for r in program.rounds)
            versions += [r[2] for r in program.rounds]
    epochs = max((len(r[0]) for p in programs.values() for r in p.rounds), default=0)
    rounds = max(len(p.rounds) + len(p.errors) for p in programs.values())
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    peers = {name: m for name, m in medians.items() if name not in NOT_FP32_PEERS}
    fastest = min(peers, key=peers.get, default=None)

    lines = heading(f"Training {net}, {threads_text(threads)}", machine, versions,
                    f"{threads_text(threads)}, {count(rounds, 'round')}, "
                    f"median of epochs 2 to {epochs}")
    lines += [row("program", "s per epoch", "between the quartiles", "times the fastest fp32 peer",
                  "handgrad is faster by", f"loss of epoch {epochs}"),
              "|---|--:|--:|--:|--:|--:|"]
    notes = []
    for name in sorted(programs, key=lambda n: (medians.get(n, math.inf), list(TRAINERS).index(n))):
        if name not in medians:
            lines.append(row(TRAINERS[name], *["-"] * 5))
        else:
            m = medians[name]
            lines.append(row(
                TRAINERS[name], f"{m:.3f}", spread_text(seconds[name]),
                ratio(m, medians[fastest]) if fastest else "-",
                ratio(m, medians[OURS]) if OURS in medians and name != OURS else "-",
                f"{losses[name]:.2f}"))
        if programs[name].problem():
            notes.append(f"- missing: {TRAINERS[name]}: {programs[name].problem()}")
        elif OURS in losses and abs(losses[name] - losses[OURS]) > NATS:
            notes.append(f"- not the same work? The loss of {TRAINERS[name]} is "
                         f"{losses[name] - losses[OURS]:+.2f} nats from handgrad's")
    complete = not any(p.problem() for p in programs.values())
    if fastest and OURS in medians:
        notes.insert(0, f"- handgrad is {ratio(medians[fastest], medians[OURS])} times as fast as the "
                        f"fastest fp32 peer, {TRAINERS[fastest]}")
    notes += unsteady_note([TRAINERS[n] for n, v in seconds.items()
                            if len(v) > 1 and spread(v) > UNSTEADY])
    return lines + [""] * bool(notes) + notes, complete


def product_table(isa, threads, programs, machine):
    """The lines of the table, and whether it is complete."""
    speeds, versions = {}, []
    for name, program in programs.items():
        if program.rounds:
            speeds[name] = {p: [r[0][p] for r in program.rounds] for p in PRODUCTS}
            versions += [r[1] for r in program.rounds]
    rounds = max(len(p.rounds) + len(p.errors) for p in programs.values())
    names = [name for name in LIBRARIES if name in programs]
    peers = [name for name in names if name != OURS]

    lines = heading(f"Products of 784-512-2, {isa}, {threads_text(threads)}", machine, versions,
                    f"{threads_text(threads)}, {count(rounds, 'round')}, "
                    "median GFLOP/s and the distance between the quartiles")
    lines += [row("product", *(LIBRARIES[n] for n in names),
                  *(f"handgrad / {LIBRARIES[n]}" for n in peers)),
              "|---|" + "--:|" * (len(names) + len(peers))]
    ratios = {name: [] for name in peers}
    for product, title in PRODUCTS.items():
        cells = [title]
        for name in names:
            values = speeds[name][product] if name in speeds else []
            cells.append(f"{statistics.median(values):.1f} {spread_text(values)}".strip() if values else "-")
        for name in peers:
            if name in speeds and OURS in speeds:
                a, b = (statistics.median(speeds[n][product]) for n in (OURS, name))
                ratios[name].append(a / b)
                cells.append(ratio(a, b))
            else:
                cells.append("-")
        lines.append(row(*cells))
    means = [f"**{statistics.geometric_mean(r):.2f}**" if r else "-" for r in ratios.values()]
    lines.append(row("geometric mean", *[""] * len(names), *means))
    notes = [f"- missing: {LIBRARIES[n]}: {programs[n].problem()}"
             for n in names if programs[n].problem()]
    complete = not notes
    notes += unsteady_note([LIBRARIES[n] for n in speeds
                            if any(len(v) > 1 and spread(v) > UNSTEADY
                                                  for v in speeds[n].values())])
    return lines + [""] * bool(notes) + notes, complete


def subfolders(folder):
    """The folders in a folder, numbers by value."""
    found = [f for f in folder.iterdir() if f.is_dir()] if folder.is_dir() else []
    return sorted(found, key=lambda f: (not f.name.isdigit(), int(f.name) if f.name.isdigit() else 0,
                                        f.name))


def read_machine(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def main():
    if len(sys.argv) != 2:
        print("Usage: table.py RESULTS", file=sys.stderr)
        return 2
    results = pathlib.Path(sys.argv[1])
    machine = read_machine(results / "machine")
    all_complete, tables = True, []
    for kind, known, read, table in (("gemm", LIBRARIES, read_products, product_table),
                                     ("train", TRAINERS, read_training, training_table)):
        for section in subfolders(results / kind):
            for threads in subfolders(section):
                programs = {f.name: Program(f, read) for f in subfolders(threads) if f.name in known}
                if not programs:
                    continue
                lines, complete = table(section.name, threads.name, programs, machine)
                tables.append("\n".join(lines))
                all_complete = all_complete and complete
    if not tables:
        print(f"table: {results}: found no result, expected train/ or gemm/", file=sys.stderr)
        return 1
    print("\n\n".join(tables))
    return 0 if all_complete else 3


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        print(f"table: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
