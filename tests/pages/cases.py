"""What the checks of pages share: lines as tests/scripts/support/cases.sh writes them, and what is
asked of every page."""
import browser as driver


class Cases:
    def __init__(self):
        self.failed = 0

    def check(self, what, passed, found=""):
        """One line, "ok - what is promised" or "not ok - ..." and below it what was found."""
        if passed:
            print("ok - " + what, flush=True)
            return
        self.failed += 1
        print("not ok - " + what, flush=True)
        print("    " + str(found).replace("\n", "\n    "), flush=True)

    def equal(self, what, found, expected):
        self.check(what, found == expected, f"found:    {found}\nexpected: {expected}")

    def near(self, what, found, expected, tolerance):
        """Numbers, one or as many as there are in a list."""
        pairs = list(zip(found, expected)) if isinstance(found, list) else [(found, expected)]
        same_length = not isinstance(found, list) or len(found) == len(expected)
        worst = max((abs(f - e) for f, e in pairs), default=float("nan"))
        self.check(what, same_length and worst <= tolerance,
                   f"differs by {worst}, more than {tolerance}, or in length")  # fmt: skip


# Names as screen readers would find them, but for texts that stand within.
NAMELESS = """
const named = (e) => e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") ||
  e.textContent.trim() || (e.id && document.querySelector(`label[for="${e.id}"]`)) ||
  e.querySelector("[aria-label]");
return [...document.querySelectorAll("button, input, a, [role], [tabindex], canvas, img")]
  .filter((e) => e.checkVisibility() && !e.closest("[aria-hidden=true]"))
  .filter((e) => !named(e) && !(e.alt ?? ""))
  .map((e) => e.outerHTML.slice(0, 120));
"""
# The contrast of every text with the nearest background that is painted.
CONTRAST = """
const light = (color) => {
  const [r, g, b] = color.match(/[\\d.]+/g).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const painted = (e) => {
  for (; e; e = e.parentElement) {
    const color = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$/.test(color)) return color;
  }
  return "rgb(255, 255, 255)";
};
const low = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const e = texts.currentNode.parentElement;
  if (!texts.currentNode.textContent.trim() || !e.checkVisibility() || e.closest("script, button:disabled"))
    continue;
  const style = getComputedStyle(e);
  const [a, b] = [light(e instanceof SVGElement ? style.fill : style.color), light(painted(e))]
    .sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) low.push(`${ratio.toFixed(2)}: ${texts.currentNode.textContent.slice(0, 40)}`);
}
return low;
"""
OVERFLOWING = """
const width = document.documentElement.clientWidth;
return [document.documentElement.scrollWidth <= width, [...document.body.querySelectorAll("*")]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > width + 1 &&
                 !e.closest(".scroll, .visually-hidden"))
  .map((e) => e.outerHTML.slice(0, 80)).slice(0, 5)];
"""


def check_manners(cases, browser, page, name):
    """What every page owes its readers: nothing on the console, no request, names for what is not
    text, legible in light, in dark and on paper, no sideways scrolling at 380 pixels."""
    for scheme in "light", "dark":
        browser.emulate(scheme)
        browser.open(page)
        browser.frame()
        cases.equal(f"{name}: every text has contrast, {scheme}", browser.run(CONTRAST), [])
    paper = browser.run("return getComputedStyle(document.body).backgroundColor")
    browser.emulate("light")
    other = browser.run("return getComputedStyle(document.body).backgroundColor")
    cases.check(f"{name}: dark is another colour than light", paper != other, paper)
    cases.equal(f"{name}: what is no text has a name", browser.run(NAMELESS), [])
    for width, medium in (380, ""), (1280, ""), (700, "print"):
        browser.resize(width, 800)
        browser.emulate("light", medium)
        browser.frame()
        cases.equal(f"{name}: no sideways scrolling at {width} pixels {medium}".strip(),
                    browser.run(OVERFLOWING), [True, []])  # fmt: skip
    browser.resize(1280, 800)
    browser.emulate("light")
    check_silence(cases, browser, name)


def check_silence(cases, browser, name):
    cases.equal(f"{name}: nothing on the console", browser.console(), [])
    asked = [url for url in browser.requests() if not url.startswith("data:")]
    cases.equal(f"{name}: nothing is asked for but the page", set(asked) - browser.opened, set())


def reachable(browser):
    """The ids, or else those of the parents or the classes, of what Tab reaches on a page that was
    just opened, in order."""
    found = []
    for _ in range(300):
        browser.press("Tab")
        here = browser.run(
            "const e = document.activeElement; return e === document.body ? null :"
            " e.id || e.parentElement.id || e.getAttribute('class') || e.tagName"
        )
        if here is None:
            break
        found.append(here)
    return found


def run_with_browser(checks):
    """Each check(cases, browser) in one browser; where one cannot go on, the next one begins.
    Returns the exit status."""
    cases = Cases()
    try:
        with driver.Browser() as browser:
            browser.resize(1280, 800)
            browser.emulate("light")
            for check in checks:
                try:
                    check(cases, browser)
                except driver.Error as error:
                    cases.check(f"{check.__name__} comes to its end", False, error)
    except driver.Error as error:
        cases.check("a browser starts", False, error)
    return 1 if cases.failed else 0
