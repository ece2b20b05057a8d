#!/usr/bin/env python3
"""How fast a report is in headless Chromium: first paint, and from a slider to the picture.

    measure.py REPORT.html

Prints medians and the slowest of several tries. The goals are 1 s to the first paint, and 16 ms, a
frame, from a slider to the picture. For a person to read: times depend on the machine.
"""
import pathlib
import statistics
import sys

from browser import Browser

LOADS, MOVES = 7, 100
PAINT = """
return new Promise((resolve) => setTimeout(() => resolve(
  performance.getEntriesByName("first-contentful-paint")[0].startTime), 100));
"""
# From the event to the end of the frame's callbacks, of which the last one is asked for here, after
# the page has asked for its own; and the decoder and the canvas alone.
SLIDE = """
const slider = document.querySelector("#sliders input"), whole = [], alone = [];
const move = async (i) => {
  // At any moment between two frames.
  await new Promise((resolve) => setTimeout(resolve, 40 * Math.random()));
  slider.value = -3 + 6 * i / arguments[0];
  const start = performance.now();
  slider.dispatchEvent(new Event("input"));
  await new Promise((resolve) => requestAnimationFrame(resolve));
  whole.push(performance.now() - start);
  const again = performance.now();
  space.draw();
  alone.push(performance.now() - again);
};
return (async () => {
  for (let i = 0; i < arguments[0]; ++i) await move(i);
  return [whole, alone];
})();
"""


def show(what, times):
    print(f"{what:42} median {statistics.median(times):7.1f} ms, slowest {max(times):7.1f} ms")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    page = pathlib.Path(sys.argv[1])
    with Browser() as browser:
        browser.resize(1280, 800)
        paints = []
        for _ in range(LOADS):
            browser.open("about:blank")
            browser.open(page)
            paints.append(browser.run(PAINT))
        whole, alone = browser.run(SLIDE.replace("arguments[0]", str(MOVES)))
        print(f"Chromium {browser.version}, headless; {LOADS} loads, {MOVES} moves of a slider")
        show("first paint", paints)
        show("from a slider to the picture, in a frame", whole)
        show("of which decoder and canvas", alone)


if __name__ == "__main__":
    main()
