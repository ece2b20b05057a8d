"""The numbers of report.html: those of its scripts against those of mnist_vae, of formulas, and of
colours."""
import csv
import io
import math

from colours import VISIONS, contrast, nearest_pair
from report_pages import folder, mnist_vae, open_two
from rounded_run import make_rounded_run, page_data, reconstructions


def check_numbers(cases, browser, name):
    """The scripts' model against C++ with the same weights, and the losses."""
    page, rounded = folder / name / "report.html", folder / (name + "-rounded")
    make_rounded_run(page, folder / name, rounded)
    run = page_data(page)["runs"][0]
    rows, columns, count = run["rows"], run["columns"], len(run["images"]["labels"])
    codes = list(csv.DictReader(io.StringIO(mnist_vae("encode", rounded))))[:count]
    mnist_vae("reconstruct", rounded, "--count", count, "--output", rounded / "images.png")
    pictures = reconstructions(rounded / "images.png", count, rows, columns)
    losses = mnist_vae("evaluate", rounded, "--count", count).split("\n")[2].split()
    what = f"{name} ({run['widths']}, {run['activation']}, {run['reconLoss']})"

    browser.open(page)
    ours = browser.run(
        "const run = runs[0], size = run.rows * run.columns;"
        "const x = fromLevels(bytesOf(run.images.pixels));"
        "return run.images.labels.map((_, i) => {"
        "  const image = x.subarray(i * size, (i + 1) * size), q = model.encode(image);"
        "  return {mu: q.mu, logvar: q.logvar, kl: q.kl.reduce((a, b) => a + b),"
        "          recon: model.reconLossOf(q.mu, image),"
        "          pixels: Array.from(model.decode(q.mu), (p) => 255 * p)}; })"
    )
    latent = range(run["latent"])
    for quantity in "mu", "logvar":
        # Sums of up to 784 products: floats in C++, doubles in the page.
        cases.near(f"{what}: {quantity} is that of C++",
                   [value for image in ours for value in image[quantity]],
                   [float(row[f"{quantity}_{j}"]) for row in codes for j in latent], 1e-4)  # fmt: skip
    cases.near(f"{what}: pixels are those of C++ within 2 of 255",
               [pixel for image in ours for pixel in image["pixels"]],
               [pixel for picture in pictures for pixel in picture], 2)  # fmt: skip
    mean = {key: sum(image[key] for image in ours) / count for key in ("recon", "kl")}
    for key, expected in ("recon", losses[1]), ("kl", losses[2]):
        scale = max(1, abs(float(expected)))
        cases.near(f"{what}: {key} is that of evaluate", mean[key], float(expected), 1e-4 * scale)
    rounding = run["model"]["rounding"]
    stated = browser.text("#data-table")
    cases.check(f"{what}: the page says what rounding does: {rounding['mean']:.3f} of 255 on "
                f"average, {rounding['largest']:.2f} at most",
                f"{rounding['mean']:.3f}" in stated and f"{rounding['largest']:.2f}" in stated,
                stated)  # fmt: skip


def check_all_numbers(cases, browser):
    for name in [f"loss-{i}" for i in range(1, 7)] + ["two"]:
        check_numbers(cases, browser, name)


def check_formulas(cases, browser):
    """The losses where a trained model does not lead: exact values of the formulas in losses/."""
    open_two(browser)
    log = math.log
    for name, y, t, expected in (
        ("bce", 800, 0, 800),
        ("bce", -800, 1, 800),
        ("bce", 0, 0.5, log(2)),
        ("bce-probabilities", 0, 1, -log(1e-7)),
        ("bce-probabilities", 1, 0, -log(1e-7)),
        ("bce-probabilities", 0.25, 1, log(4)),
        ("bce-clamped-logs", 0, 1, 100),
        ("bce-clamped-logs", 1, 0, 100),
        ("bce-clamped-logs", 0.25, 0.5, -log(0.25) / 2 - log(0.75) / 2),
        ("mse", 0.25, 1, 0.5625),
        ("continuous-bernoulli", 0, 0.3, 0),
        ("continuous-bernoulli", 700, 1, -log(700)),
        ("continuous-bernoulli", -700, 0, -log(700)),
        ("continuous-bernoulli", log(2), 0, -log(log(2))),  # log((2 - 1) / log 2)
        # On both sides of where the series ends.
        ("continuous-bernoulli", 0.0999, 0, log(math.expm1(0.0999) / 0.0999)),
        ("continuous-bernoulli", 0.1001, 0, log(math.expm1(0.1001) / 0.1001)),
        ("gaussian", 0.5, 0.5, log(math.pi) / 2),
        ("gaussian", 1.5, 0.5, 1 + log(math.pi) / 2),
    ):
        found = browser.run(
            "return reconstructionLoss(arguments[0], [arguments[1]], [arguments[2]], 0.5)", name, y, t
        )
        cases.near(f"{name} of {y:.4g} for {t}", found, expected, 1e-7 * max(1, abs(expected)))
    for mu, logvar, expected in (
        (0, 0, 0),
        (2, 0, 2),
        (0, 1, (math.e - 2) / 2),
        (0, -100, (math.expm1(-30) + 30) / 2),
        (0, 100, (math.expm1(20) - 20) / 2),
    ):
        found = browser.run("return klDivergence(arguments[0], arguments[1])", mu, logvar)
        cases.near(f"KL divergence of mu {mu}, logvar {logvar}", found, expected, 1e-14 * max(1, expected))


def check_colours(cases, browser):
    """The ten colours of the digits, as report.css says of them."""
    for scheme in "light", "dark":
        browser.emulate(scheme)
        open_two(browser)
        paper, *digits = browser.run(
            "return ['paper', ...Array.from({length: 10}, (_, d) => 'digit-' + d)].map(themeColor)"
        )
        lowest = min(contrast(colour, paper) for colour in digits)
        cases.check(f"digits, {scheme}: contrast with the paper", lowest >= 2.6, lowest)
        for vision in VISIONS:
            nearest = nearest_pair(digits, vision)
            cases.check(f"digits, {scheme}: told apart by {vision}", nearest[0] >= 0.12, nearest)
    browser.emulate("light")
