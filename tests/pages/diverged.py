"""Pages of runs that diverged: they open, whatever their numbers are; and the function that makes
the ticks of every axis."""
import json
import pathlib
import shutil
import struct

from cases import OVERFLOWING, check_silence
from report_pages import folder, mnist_vae

# Losses as a training leaves them that goes up and up, and the whole range of doubles.
LOSSES = {
    "diverged": [150.0, 3e4, 9.87e13, 5e13],
    "overflowed": [-1.7e308, 1.7e308, 3e38, 1e-300],
}
# What the encoder's mu is multiplied by: the second leaves the floats.
FACTORS = {"diverged": 1e13, "overflowed": 3e38}
# Below the minutes of an axis that steps by 4 up to 1e14; a machine at work needs time, too.
SECONDS = 20


def _multiply_mu(path, factor):
    data = path.read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:start]), bytearray(data[start:])
    for name in "mu.weight", "mu.bias":
        begin, end = header[name]["data_offsets"]
        kind = f"<{(end - begin) // 4}f"
        values = [value * factor for value in struct.unpack(kind, body[begin:end])]
        body[begin:end] = struct.pack(kind, *[min(max(v, -3.4e38), 3.4e38) for v in values])
    del header["__metadata__"]  # has the checksum of the weights as they were
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def make_diverged_run(name):
    """A copy of the run `two`, as if it had diverged, with its page. Returns the page."""
    run = folder / name
    shutil.copytree(folder / "two", run)
    _multiply_mu(run / "model.safetensors", FACTORS[name])
    # The hash of the data is not of this model.
    for path in run.glob("checkpoint*"):
        path.unlink()
    head, first, *_ = (run / "log.csv").read_text().split("\n")
    rows = []
    for i, loss in enumerate(LOSSES[name]):
        _, step, *others = first.split(",")
        rows.append(",".join([str(i + 1), str(int(step) * (i + 1)), *[f"{loss!r}"] * 6, *others[6:]]))
    (run / "log.csv").write_text("\n".join([head, *rows, ""]))
    mnist_vae("report", run)
    return run / "report.html"


def check_diverged(cases, browser):
    browser.set_timeout(SECONDS)
    for name in LOSSES:
        page = make_diverged_run(name)
        browser.open(page)
        browser.frame()
        text = browser.run("return document.body.innerText")
        cases.check(f"{name}: no number of more than twelve digits, and none that is not one",
                    not any(len(word) > 12 for word in text.split() if word.strip("\u2212").isdigit())
                    and "NaN" not in text and "Infinity" not in text, text)  # fmt: skip
        labels = browser.run(
            "return [...document.querySelectorAll('svg.chart')].map((chart) =>"
            " [...chart.querySelectorAll('text')].filter((t) =>"
            "   t.getBBox().x < -0.5 || t.getBBox().x + t.getBBox().width > kChart.width + 0.5)"
            " .map((t) => t.textContent))"
        )
        cases.equal(f"{name}: the labels of the curves are in the picture", labels, [[], [], []])
        cases.check(f"{name}: the curves are drawn", browser.run(
            "return [...document.querySelectorAll('svg.chart > path')].every((p) =>"
            " !p.getAttribute('d').includes('NaN') && p.getTotalLength() > 0)"))  # fmt: skip
        browser.click("#map-mode button:last-child")
        browser.click("#map-mode button:first-child")
        browser.drag("#map canvas + canvas", [(0.5, 0.5), (0.75, 0.25)])
        browser.click("#picker button:nth-child(2)")
        browser.focus("#z0")
        browser.press("ArrowRight", "End")
        browser.frame()
        for width in 380, 1280:
            browser.resize(width, 800)
            browser.frame()
            cases.equal(f"{name}: no sideways scrolling at {width} pixels",
                        browser.run(OVERFLOWING), [True, []])  # fmt: skip
        check_silence(cases, browser, name)


def check_ticks(cases, browser):
    browser.set_timeout(SECONDS)
    browser.open(folder / "two/report.html")
    source = pathlib.Path(__file__).with_name("ticks_cases.js").read_text(encoding="ascii")
    cases.equal("ticks: bounded, in order and short between any two ends",
                browser.run(source + "return faultsOfTicks().slice(0, 20)"), [])  # fmt: skip
