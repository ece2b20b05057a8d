#!/usr/bin/env python3
"""Tries the page of `mnist_vae lesson` in headless Chromium: lesson_page.py PAGE.html

Prints a line for each case, "ok - ..." or "not ok - ..." with what was found below it.
"""
import pathlib
import sys

from browser import Browser

# Both in double, with sums of up to 784 products in another order: 784 u = 9e-14 of the sum of their
# absolute values, which is up to a hundred times the sum where they cancel.
DOUBLE_BOUND = 1e-11
# The C++ makes its mistakes in float: 784 * 2^-24 = 5e-5, and up to twenty times that.
FLOAT_BOUND = 1e-3
# What the lesson allows between a gradient and its central difference (slope.hpp).
DIFFERENCE_BOUND = 1e-6

CONTROLS = "button, input, select"

# The largest relative error of the page's own passes beside the numbers of the C++.
WORST_ERROR = """
  const errors = [];
  data.expected.forEach((want, d) => {
    const s = model.forward(digits[d].x, digits[d].noise), g = model.backward(s);
    const norms = model.gradients(s).map((t) => Math.sqrt(t.reduce((a, v) => a + v * v, 0)));
    const got = {z: s.z, recon: [s.recon], kl: [s.kl], dmu: g.dmu, dlogvar: g.dlogvar,
                 klDmu: g.kl.dmu, klDlogvar: g.kl.dlogvar, norms};
    for (const [name, values] of Object.entries(got))
      [want[name]].flat().forEach((value, i) => errors.push(relativeError(values[i], value)));
  });
  return [errors.length, errors.some(Number.isNaN) ? 1 : Math.max(...errors)];
"""

# What is drawn on a canvas, as a text.
DRAWN = "return document.getElementById(arguments[0]).toDataURL()"


class Cases:
    def __init__(self, browser):
        self.browser = browser

    def expect(self, what, passed, found=""):
        print(("ok - " if passed else "not ok - ") + what)
        if not passed:
            print(f"    found: {found}"[:500])

    def expect_equal(self, what, found, expected):
        self.expect(what, found == expected, f"{found}, expected {expected}")

    # --- What the page shows ---

    def drawn(self, *canvases):
        return [self.browser.run(DRAWN, canvas) for canvas in canvases]

    def cells(self, table):
        return self.browser.run(
            "return [...document.getElementById(arguments[0]).tBodies[0].rows].map("
            "(row) => [...row.cells].map((cell) => cell.textContent))",
            table,
        )

    def noise(self):
        return self.browser.run("return state.noise")

    def differences(self):
        """The table's own errors, which compare with central differences. Empty where those step
        over a kink, of which the page has to know."""
        errors = [row[5].removeprefix("< ") for row in self.cells("noise-table")]
        return [] if "kink" in errors else [float(error) for error in errors]

    def choose(self, mistake):
        self.browser.run(
            "const s = document.getElementById('mistake'); s.value = arguments[0];"
            "s.dispatchEvent(new Event('change'))",
            mistake,
        )

    def train(self):
        self.browser.click("#train")
        self.browser.wait_for("!document.getElementById('train').disabled", seconds=120)
        return self.browser.run("return trainings.map((t) => [t.measured, t.printed])")

    # --- The cases ---

    def numbers(self):
        count, worst = self.browser.run(WORST_ERROR)
        self.expect(
            f"{count} losses, latents and gradients are those of the C++: {worst:.0e} at most",
            count == 10 * (2 + 1 + 1 + 4 * 2 + 10) and worst <= DOUBLE_BOUND,
        )
        rows = self.browser.run(
            "return data.mistakes.filter((e) => e.mistake !== 'test-on-mean').map((e) => {"
            "const row = mistakeRows(e.mistake).find((r) => r[0] === e.what);"
            "return [e.mistake, e.right, e.wrong, ...(row ?? [])]})"
        )
        apart = [
            row for row in rows
            if len(row) < 6
            or abs(row[1] - row[4]) > FLOAT_BOUND * max(1, abs(row[1]))
            or abs(row[2] - row[5]) > FLOAT_BOUND * max(1, abs(row[2]))
        ]  # fmt: skip
        self.expect(f"{len(rows)} numbers of the mistakes are those of the C++", not apart, apart)
        blind = self.browser.run(
            "return mistakeNames.filter((name) => mistakeRows(name).every((r) => r[1] === r[2]))"
        )
        self.expect_equal("every mistake changes a number of the page", blind, [])

    def moving_noise(self):
        b = self.browser
        pictures = ("noise-p", "noise-da", "plane")
        for name in ("noise-0", "noise-1"):
            before = (self.noise(), self.drawn(*pictures), self.cells("noise-table"))
            losses = b.text("#noise-losses")
            b.focus("#" + name)
            b.press(*["ArrowRight"] * 40)
            after = (self.noise(), self.drawn(*pictures), self.cells("noise-table"))
            moved = after[0][int(name[-1])] - before[0][int(name[-1])]
            self.expect(f"{name}: the right arrow key moves it", 0.39 < moved < 0.41, moved)
            same = [i for i, (x, y) in enumerate(zip(before[1], after[1])) if x == y]
            self.expect(f"{name}: digit, gradient and plane follow", not same, same)
            self.expect(
                f"{name}: the gradients through z change, those of kl do not",
                all(x[1] != y[1] and x[2] == y[2] for x, y in zip(before[2], after[2])),
                after[2],
            )
            self.expect(f"{name}: recon changes", b.text("#noise-losses") != losses)
        for key, end in (("Home", -3), ("End", 3)):
            b.focus("#noise-0")
            b.press(key)
            self.expect_equal(f"the key {key} goes to {end}", self.noise()[0], end)
        b.click("#noise-zero")
        self.expect_equal(
            "with noise 0 nothing comes through z to logvar",
            [row[1] for row in self.cells("noise-table")][2:], ["0", "0"],
        )  # fmt: skip
        self.expect("and the page says why", "With noise 0" in b.text("#noise-words"))
        b.click("#noise-draw")
        drawn = self.noise()
        b.click("#noise-draw")
        self.expect("each draw is another", drawn != self.noise() != [0, 0], drawn)
        b.click("#noise-text")
        self.expect_equal(
            "as in the text: its noise", self.noise(), b.run("return data.digits[data.chosen].noise")
        )
        for kind in ("mouse", "touch"):
            before = self.noise()
            b.drag("#plane", [(0.4, 0.7), (0.45, 0.6)], kind)
            self.expect(f"z is dragged with {kind}", self.noise() != before, before)
            b.click("#noise-text")

    def choosing_digits(self):
        b = self.browser
        seen, smooth = set(), 0
        for d in range(10):
            b.click(f'#digits button[data-digit="{d}"]')
            seen.add(tuple(self.drawn("noise-x", "noise-p")))
            errors = self.differences()
            smooth += errors != []
            self.expect(
                f"digit {d}: its gradients are central differences, or there is a kink",
                all(error <= DIFFERENCE_BOUND for error in errors),
                errors,
            )
        self.expect("there are kinks at two digits at most", smooth >= 8, smooth)
        self.expect_equal("ten digits, ten pictures", len(seen), 10)
        self.expect_equal("one of them is pressed", b.count('#digits [aria-pressed="true"]'), 1)
        b.click("#noise-text")

    def making_mistakes(self):
        b = self.browser
        b.focus("#mistake")
        before = b.text("#mistake-what")
        b.press("ArrowDown")
        self.expect("a mistake is chosen with the keyboard", b.text("#mistake-what") != before)
        for mistake in b.run("return mistakeNames"):
            self.choose(mistake)
            rows = self.cells("mistake-table")
            self.expect(
                f"{mistake}: right and wrong stand side by side",
                len(rows) > 0 and any(row[1] != row[2] for row in rows),
                rows,
            )
        self.choose("kl-sign")
        (good, _), (bad, printed) = self.train()
        self.expect_equal("a hundred steps", [len(good), len(bad)], [100, 100])
        self.expect("the right training falls", good[-1] < good[0], [good[0], good[-1]])
        self.expect("kl-sign: the mistaken one rises", bad[-1] > bad[0], [bad[0], bad[-1]])
        self.expect("and its program prints a falling loss", printed[-1] < printed[0], printed[-1])
        self.expect("the page says so", "After 100 steps" in b.text("#training-words"))
        different = self.drawn("ten-right", "ten-wrong")
        self.expect("the two make other digits", different[0] != different[1])
        b.click("#train-reset")
        self.expect_equal("back to the start", b.run("return trainings[0].measured.length"), 0)

    def keyboard(self):
        b = self.browser
        names = "return [...document.querySelectorAll(arguments[0])].map((e) => e.id || e.textContent)"
        wanted = b.run(names, CONTROLS)
        b.run("document.activeElement.blur(); window.getSelection().removeAllRanges(); scrollTo(0, 0)")
        b.open(b.run("return location.href"))
        reached = []
        for _ in range(120):
            b.press("Tab")
            name = b.run(
                "const e = document.activeElement;"
                "return e.matches(arguments[0]) ? e.id || e.textContent : ''",
                CONTROLS,
            )
            if name and name not in reached:
                reached.append(name)
        self.expect_equal("the Tab key reaches every control, in order", reached, wanted)
        nameless = b.run(
            "return [...document.querySelectorAll('canvas')].filter("
            "(e) => e.getAttribute('role') !== 'img' || !e.getAttribute('aria-label')).length + "
            "[...document.querySelectorAll('input, select')].filter((e) => !e.labels.length).length"
        )
        self.expect_equal("every picture and every control has a name", nameless, 0)
        lost = b.run(
            "return [...document.querySelectorAll('nav a')].filter("
            "(a) => !document.getElementById(a.getAttribute('href').slice(1))).length"
        )
        self.expect_equal("every section of the contents is there", lost, 0)

    def looks(self):
        b = self.browser
        paper = "return getComputedStyle(document.body).backgroundColor"
        b.emulate("light")
        b.open(b.run("return location.href"))
        b.run("window.before = document.getElementById('plane').toDataURL()")
        light = b.run(paper)
        b.emulate("dark")
        # The page hears of it some time later.
        b.wait_for("document.getElementById('plane').toDataURL() !== window.before")
        self.expect("dark is another paper and another plane", b.run(paper) != light, light)
        for width in (1280, 380):
            b.resize(width, 800)
            b.open(b.run("return location.href"))
            widths = b.run("const d = document.documentElement; return [d.scrollWidth, d.clientWidth]")
            self.expect(f"{width} px: nothing to scroll sideways", widths[0] == widths[1], widths)

    def silence(self, page):
        requests = set(self.browser.requests())
        self.expect_equal("nothing was asked for but the page", requests, {page.resolve().as_uri()})
        self.expect_equal("the console is empty", self.browser.console(), [])


def main() -> None:
    page = pathlib.Path(sys.argv[1])
    with Browser() as browser:
        browser.resize(1280, 800)
        browser.open(page)
        cases = Cases(browser)
        cases.numbers()
        cases.moving_noise()
        cases.choosing_digits()
        cases.making_mistakes()
        cases.keyboard()
        cases.looks()
        cases.silence(page)


if __name__ == "__main__":
    main()
