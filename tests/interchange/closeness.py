"""What the checks here share: one line for each thing that is wrong, and status 1 if there is any."""
import sys

import numpy as np

TOLERANCE = 1e-5  # of a pixel in [0, 1]; of larger numbers it is relative
SMALLEST = 2.0 ** -126  # float32 below have fewer digits


class Closeness:
    def __init__(self):
        self.problems, self.largest, self.count = [], 0.0, 0

    def compare(self, what, found, expected, relative=None):
        found, expected = np.asarray(found), np.asarray(expected)
        if found.shape != expected.shape:
            return self.expect(f"{what}: the shape", found.shape, expected.shape)
        error = np.abs(found - expected) / np.maximum(SMALLEST if relative else 1, np.abs(expected))
        self.count += error.size
        self.largest = max(self.largest, float(error.max()))
        allowed = relative or TOLERANCE
        if not (error <= allowed).all():  # NaN is not below either
            self.problems.append(f"{what}: differs by {error.max()}, allowed {allowed}")

    def expect(self, what, found, expected):
        self.count += 1
        if found != expected:
            self.problems.append(f"{what}: found {found}, expected {expected}")

    def finish(self):
        for problem in self.problems:
            print(problem)
        if self.count == 0:
            sys.exit("nothing was compared")
        print(f"{self.count} numbers, largest difference {self.largest:.2g}")
        sys.exit(1 if self.problems else 0)
