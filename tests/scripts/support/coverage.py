#!/usr/bin/env python3
"""What gcov counted, as a tracefile for gcovr.

    coverage.py BUILD ROOT >trace.json

gcovr 5 reads gcov's text, which does not say of code that never ran which of its branches only
exceptions take. The linker keeps one copy of an inline function or template, so that all other
object files have it as code that never ran, and every call in it would count as a branch that is
missed. gcov's JSON says it of every branch. As in gcovr, copies of a function are added up, and
instances of a template are added branch by branch.
"""
import collections
import concurrent.futures
import itertools
import json
import pathlib
import subprocess
import sys


def read_counts(notes):
    """The files that one object file was compiled from, as gcov sees them."""
    gcov = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", notes],
                          capture_output=True, check=False)
    if gcov.returncode != 0:
        sys.exit(f"coverage.py: gcov cannot read the counts: {gcov.stderr.decode().strip()}")
    return [file for line in gcov.stdout.splitlines() for file in json.loads(line)["files"]]


def add(left, right):
    """Element by element; the shorter one lacks zeros."""
    return [a + b for a, b in itertools.zip_longest(left, right, fillvalue=0)]


def main(build, root):
    build, root = pathlib.Path(build).resolve(), pathlib.Path(root).resolve()
    lines = collections.defaultdict(lambda: collections.defaultdict(lambda: (0, [])))
    notes = sorted(build.rglob("*.gcno"))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for files in pool.map(read_counts, notes):
            for file in files:
                path = (build / file["file"]).resolve()
                if not path.is_relative_to(root):
                    continue
                for line in file["lines"]:
                    taken = [b["count"] for b in line["branches"] if not b["throw"]]
                    place = lines[str(path.relative_to(root))]
                    count, branches = place[line["line_number"]]
                    place[line["line_number"]] = (count + line["count"], add(branches, taken))
    trace = {"gcovr/format_version": "0.3", "files": [
        {"file": file, "functions": [], "lines": [
            {"line_number": number, "count": count, "gcovr/noncode": False,
             "gcovr/excluded": False,
             "branches": [{"count": c, "fallthrough": False, "throw": False} for c in branches]}
            for number, (count, branches) in sorted(found.items())]}
        for file, found in sorted(lines.items())]}
    json.dump(trace, sys.stdout)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
