#!/usr/bin/env python3
"""Tries report.html in Chromium: every interaction, and the numbers against those of mnist_vae.

    check_report.py MNIST_VAE FOLDER

FOLDER is made by tests/scripts/full/check_pages.sh, which says what is in it.
"""
import sys

from cases import check_manners, check_silence, reachable, run_with_browser
from diverged import check_diverged, check_ticks
from report_numbers import check_all_numbers, check_colours, check_formulas
from report_pages import folder, open_two
from rounded_run import page_data

# What the canvas shows, as levels.
LEVELS = """
const source = document.querySelector(arguments[0]), copy = document.createElement("canvas");
copy.width = source.width;
copy.height = source.height;
// Chromium warns of reading a canvas that was not made to be read.
const context = copy.getContext("2d", { willReadFrequently: true });
context.drawImage(source, 0, 0);
const { data } = context.getImageData(0, 0, copy.width, copy.height);
return Array.from(data).filter((_, i) => i % 4 === 0);
"""
DECODED = "#decoded-picture canvas"
MARKER = "#map canvas + canvas"


def z(browser):
    return browser.run("return space.z")


def check_map(cases, browser):
    open_two(browser)
    half = browser.run("return space.map.half")
    for kind in "mouse", "touch":
        browser.drag(MARKER, [(0.5, 0.5), (0.6, 0.4), (0.75, 0.25)], kind)
        browser.frame()
        cases.near(f"map, {kind}: dragged to a quarter from the corner, z follows", z(browser),
                   [half / 2, half / 2], 0.02 * half)  # fmt: skip
        expected = browser.run("return Array.from(model.decode(space.z), (p) => 255 * p)")
        cases.near(f"map, {kind}: the picture is the decoder's for that z",
                   browser.run(LEVELS, DECODED), expected, 0.51)  # fmt: skip
        browser.press("Home")
        browser.frame()
    cases.equal("map: Home goes to the middle", z(browser), [0, 0])
    browser.press("ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft")
    cases.near("map: arrow keys move z", z(browser), [half / 50, half / 50], 1e-9)
    text = browser.run("return document.querySelector('#decoder').innerText")
    browser.frame()
    cases.check("map: z is told", f"z0 = {half / 50:.2f}" in browser.text("#decoded-text"), text)

    before = browser.run(LEVELS, "#map canvas")
    browser.click("#map-mode button:last-child")
    browser.frame()
    grid = browser.run(LEVELS, "#map canvas")
    cases.check("map: the decoded grid takes the place of the points", before != grid)
    browser.click("#map-mode button:first-child")
    browser.frame()
    cases.equal("map: and back", browser.run(LEVELS, "#map canvas"), before)
    browser.click("#digit-legend button:nth-child(4)")
    browser.frame()
    cases.check("legend: a digit alone", browser.run(LEVELS, "#map canvas") != before)
    browser.press("Space")
    browser.frame()
    cases.equal("legend: and all again, by key", browser.run(LEVELS, "#map canvas"), before)


def check_sliders(cases, browser):
    open_two(browser)
    browser.click("#zero-z")
    browser.frame()
    browser.focus("#z1")
    browser.press("ArrowRight", "ArrowRight", "ArrowRight")
    browser.frame()
    cases.near("slider: arrow keys move one latent", z(browser), [0, 0.06], 1e-6)
    browser.press("End")
    browser.frame()
    end = float(browser.run("return document.querySelector('#z1').max"))
    cases.check("slider: reaches as far as the map", end >= browser.run("return space.map.half"), end)
    cases.near("slider: End", z(browser), [0, end], 1e-6)
    cases.equal("slider: its value is told",
                browser.run("return document.querySelector('output[for=z1]').textContent"),
                f"{end:.2f}")  # fmt: skip
    before = browser.run(LEVELS, DECODED)
    browser.drag("#z0", [(0.5, 0.5), (0.2, 0.5)])
    browser.frame()
    cases.check("slider: dragged, z and the picture follow",
                z(browser)[0] < -1 and browser.run(LEVELS, DECODED) != before, z(browser))  # fmt: skip
    browser.click("#random-z")
    first = z(browser)
    browser.click("#random-z")
    cases.check("random z: another one each time", z(browser) != first and first != [0, 0], first)
    browser.click("#zero-z")
    browser.frame()
    cases.equal("z = 0", z(browser), [0, 0])


def check_images(cases, browser):
    run = open_two(browser)
    label = run["images"]["labels"][4]
    for what, act in (
        ("clicked", lambda: browser.click("#picker button:nth-child(5)")),
        ("touched", lambda: browser.click("#picker button:nth-child(5)", "touch")),
        ("by key", lambda: (browser.focus("#picker button:nth-child(5)"), browser.press("Enter"))),
    ):
        browser.click("#picker button:nth-child(2)")
        act()
        browser.frame()
        cases.equal(f"test image, {what}: it is named", browser.text("#inspector h3"),
                    f"Test image 4, a {label}")  # fmt: skip
    size = run["rows"] * run["columns"]
    expected = browser.run(
        "const x = fromLevels(bytesOf(runs[0].images.pixels)).slice(4 * arguments[0], 5 * arguments[0]);"
        "const q = model.encode(x); return {x: Array.from(x, (p) => 255 * p), mu: q.mu, sigma: q.sigma,"
        "kl: q.kl.reduce((a, b) => a + b), recon: model.reconLossOf(q.mu, x),"
        "made: Array.from(model.decode(q.mu), (p) => 255 * p)}",
        size,
    )
    cases.near("test image: x", browser.run(LEVELS, ".passage figure:nth-child(1) canvas"),
               expected["x"], 0.51)  # fmt: skip
    cases.near("test image: its reconstruction",
               browser.run(LEVELS, ".passage figure:nth-child(2) canvas"), expected["made"], 0.51)  # fmt: skip
    table = browser.run(
        "return [...document.querySelectorAll('.latents tbody tr')].map((r) =>"
        " [...r.querySelectorAll('td')].map((d) => Number(d.textContent.replace('\u2212', '-'))))"
    )
    cases.near("test image: mu", [row[0] for row in table], expected["mu"], 5.1e-4)
    cases.near("test image: sigma", [row[1] for row in table], expected["sigma"], 5.1e-4)
    terms = browser.run(
        "return [...document.querySelectorAll('.terms dt + dd')].map((d) => Number(d.textContent))"
    )
    cases.near("test image: the two terms of its loss, and their sum", terms,
               [expected["recon"], expected["kl"], expected["recon"] + expected["kl"]], 5.1e-3)  # fmt: skip
    told = f"reconstruction {terms[0]:.2f}, KL divergence {terms[1]:.2f} nats"
    cases.check("test image: they are told to screen readers",
                told in browser.text("#announcement"), browser.text("#announcement"))  # fmt: skip
    cases.near("test image: z moves to its mu", z(browser), expected["mu"], 1e-9)


def check_pad(cases, browser):
    open_two(browser)
    seven = [(0.25, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.85)]
    for kind in "mouse", "touch", "pen":
        browser.click("#clear-pad")
        cases.check(f"pad, {kind}: empty after Clear", not any(browser.run(LEVELS, "#pad")))
        browser.drag("#pad", seven, kind)
        browser.frame()
        cases.equal(f"pad, {kind}: the drawing is encoded", browser.text("#inspector h3"),
                    "Your drawing")  # fmt: skip
        digit = browser.run(LEVELS, ".passage figure:nth-child(1) canvas")
        cases.check(f"pad, {kind}: it fills 20 of 28 rows, and its brightest pixel is white",
                    max(digit) == 255 and
                    19 <= sum(any(v > 60 for v in digit[28 * y : 28 * y + 28]) for y in range(28)) <= 22)  # fmt: skip
        mu = browser.run(
            "return [...document.querySelectorAll('.latents td:nth-child(2)')].map((d) => d.textContent)"
        )
        found = [f"{v:.3f}".replace("-", "\u2212") for v in z(browser)]
        cases.equal(f"pad, {kind}: and decoded", found, mu)
    browser.focus("#pad")
    browser.press("Escape")
    cases.check("pad: Escape clears", not any(browser.run(LEVELS, "#pad")))
    browser.press("Space", *["ArrowDown"] * 12)
    browser.frame()
    cases.check("pad: keys draw", any(browser.run(LEVELS, "#pad")))
    cases.equal("pad: no test image is marked",
                browser.count("#picker button[aria-pressed=true]"), 0)  # fmt: skip


def check_charts(cases, browser):
    run = open_two(browser)
    log = run["log"]
    shown = ".chart-box:nth-child(%d) .readout div:nth-child(%d) dd"
    chart = ".chart-box:nth-child(1) svg.chart"

    def values():
        return [float(browser.text(shown % (c, s))) for c in (1, 2, 3) for s in (1, 2)]

    def expected(i):
        keys = "valLoss", "loss", "valRecon", "recon", "valKl", "kl"
        return [log[key][i] for key in keys]

    cases.near("curves: the last epoch at first", values(), expected(-1), 0.0051)
    browser.hover(chart, (0.14, 0.5))
    browser.frame()
    cases.near("curves: pointed at, the values of the first epoch, in all three", values(),
               expected(0), 0.0051)  # fmt: skip
    browser.focus(chart)
    browser.press("ArrowRight")
    cases.near("curves: arrow keys", values(), expected(1), 0.0051)
    browser.press("End")
    cases.near("curves: End", values(), expected(-1), 0.0051)
    browser.press("Home")
    cases.near("curves: Home", values(), expected(0), 0.0051)
    told = browser.run("return document.querySelector(arguments[0]).ariaValueText", chart)
    cases.check("curves: what is shown is told to screen readers",
                told.startswith("epoch 1: validation "), told)  # fmt: skip


def check_two(cases, browser):
    run = open_two(browser)
    cases.equal("the title is the run's name", browser.text("h1"), "two")
    cases.check("the profile is there", "GFLOP/s" in browser.text("#profiles"))
    cases.equal("samples of each epoch", browser.count("#strip canvas"), len(run["samples"]["epochs"]))
    cases.equal("a bar for each latent", browser.count(".bar-row"), 2)
    cases.equal("all options", browser.count(".options > div"), len(run["options"]))
    found = set(reachable(browser))
    wanted = {"map", "random-z", "zero-z", "map-mode", "digit-legend", "z0", "z1", "picker", "pad",
              "clear-pad", "chart", "strip"}  # fmt: skip
    cases.equal("Tab reaches every control", wanted - found, set())
    check_silence(cases, browser, "two")


def check_several(cases, browser):
    browser.open(folder / "both.html")
    browser.frame()
    cases.equal("two runs: both are in the title", browser.text("h1"), "two, five")
    cases.equal("two runs: four lines in each chart",
                [browser.count(f".chart-box:nth-child({c}) svg.chart > path") for c in (1, 2, 3)],
                [4, 4, 4])  # fmt: skip
    colours = browser.run(
        "return new Set([...document.querySelectorAll('svg.chart > path')].map((p) =>"
        " getComputedStyle(p).stroke)).size"
    )
    cases.equal("two runs: in two colours", colours, 2)
    cases.equal("two runs: bars of both", browser.count(".bar-row:first-child .fill"), 2)
    differing = browser.run(
        "return [...document.querySelectorAll('.options .differs dt')].map((d) => d.textContent)"
    )
    cases.equal("two runs: options that differ are marked", differing,
                ["hidden", "latent", "activation", "epochs", "recon-loss"])  # fmt: skip
    browser.click("#run-choice button:nth-child(2)")
    browser.frame()
    cases.equal("two runs: the other one's decoder", len(z(browser)), 5)
    browser.focus("#z4")
    before = browser.run(LEVELS, DECODED)
    browser.press("End")
    browser.frame()
    cases.check("two runs: its sliders work", browser.run(LEVELS, DECODED) != before)
    browser.drag(MARKER, [(0.5, 0.5), (0.3, 0.3)], "touch")
    browser.frame()
    cases.check("two runs: its map moves two latents of five",
                sum(v != 0 for v in z(browser)[:4]) in (1, 2), z(browser))  # fmt: skip
    browser.click("#map-mode button:last-child")
    browser.frame()
    check_silence(cases, browser, "both")


def check_large(cases, browser):
    for name, encodes, decodes in ("no-encoder", False, True), ("no-decoder", False, False):
        page = folder / name / "report.html"
        cases.check(f"{name}: at most 3 MB", page.stat().st_size <= 3_000_000)
        browser.open(page)
        browser.frame()
        text = browser.run("return document.body.innerText")
        cases.check(f"{name}: the page says so", "3 MB" in text, text[:500])
        cases.equal(f"{name}: the decoder", browser.run("return model.canDecode"), decodes)
        cases.equal(f"{name}: the encoder", browser.run("return model.canEncode"), encodes)
        cases.equal(f"{name}: what cannot be used is not offered",
                    browser.run("return ['#pad', '#z0'].map((s) => Boolean(document.querySelector(s)"
                                "?.checkVisibility()))"), [False, decodes])  # fmt: skip
        browser.drag(MARKER, [(0.5, 0.5), (0.75, 0.25)])
        browser.click("#picker button:nth-child(3)")
        check_silence(cases, browser, name)


def check_hostile(cases, browser):
    (page,) = folder.glob("*onerror*/report.html")
    browser.open(page)
    browser.frame()
    cases.equal("a hostile name is a text", browser.text("h1"), page.parent.name)
    cases.equal("and makes no element", browser.count("img"), 0)
    cases.check("a mistake is shown first, and loudly", browser.run(
        "const w = document.querySelector('.warning');"
        "return w.checkVisibility() && w.getBoundingClientRect().bottom < innerHeight &&"
        " w.textContent.startsWith('MISTAKE no-noise') && Number(getComputedStyle(w).fontWeight) >= 600"))  # fmt: skip
    cases.equal("one latent: a slider", browser.count("#sliders input"), 1)
    browser.drag(MARKER, [(0.5, 0.5), (0.75, 0.25)])
    cases.near("one latent: the map moves it", z(browser),
               [browser.run("return space.map.half") / 2], 0.05)  # fmt: skip
    check_silence(cases, browser, "hostile")


def check_all_manners(cases, browser):
    for page in "two/report.html", "both.html":
        check_manners(cases, browser, folder / page, page)


CHECKS = [
    check_two,
    check_map,
    check_sliders,
    check_images,
    check_pad,
    check_charts,
    check_several,
    check_large,
    check_hostile,
    check_ticks,
    check_diverged,
    check_colours,
    check_formulas,
    check_all_numbers,
    check_all_manners,
]
if __name__ == "__main__":
    sys.exit(run_with_browser(CHECKS))
