"use strict";

// One image on its way through the model: the test images to choose from, and what becomes of the
// chosen or drawn one.

class Picker {
  // onPick(x, what): pixels in [0, 1], and a text that names the image.
  constructor(container, onPick) {
    this.container = container;
    this.onPick = onPick;
  }

  show(run, model) {
    const { images, rows, columns } = run, count = images.labels.length;
    const pixels = fromLevels(bytesOf(images.pixels));
    const made = fromLevels(bytesOf(images.reconstructions));
    const size = rows * columns;
    const of = (all, i) => all.subarray(i * size, (i + 1) * size);
    this.buttons = images.labels.map((label, i) => {
      const pair = [
        pixelCanvas(`test image ${i}, a ${label}`, of(pixels, i), rows, columns),
        pixelCanvas("its reconstruction", of(made, i), rows, columns),
      ];
      const button = element("button", { type: "button", "aria-pressed": "false",
                                         disabled: !model.canEncode }, ...pair);
      button.addEventListener("click", () => this.pick(i));
      return button;
    });
    this.pick = (i) => {
      this.press(i);
      this.onPick(of(pixels, i).slice(), `test image ${i}, a ${images.labels[i]}`);
    };
    this.container.replaceChildren(...this.buttons);
    this.count = count;
  }

  // The button of image i; null: of none.
  press(i) {
    this.buttons.forEach((button, j) => button.setAttribute("aria-pressed", String(i === j)));
  }
}

class Inspector {
  constructor(container) { this.container = container; }

  show(run, model) {
    this.run = run;
    this.model = model;
    this.clear();
  }
  clear() {
    this.container.replaceChildren(element("p", { class: "quiet" },
      "Choose a test image, or draw a digit."));
  }

  // Encodes x and shows it with z = mu; returns the posterior.
  inspect(x, what) {
    const { run, model } = this, q = model.encode(x);
    const decoded = model.decode(q.mu);
    const recon = model.reconLossOf(q.mu, x);
    const kl = q.kl.reduce((a, b) => a + b, 0);
    const difference = decoded.map((p, i) => Math.abs(p - x[i]));
    const picture = (label, pixels, caption) =>
      element("figure", {}, pixelCanvas(label, pixels, run.rows, run.columns),
              element("figcaption", {}, caption));
    byId("announcement").textContent =
      `${what}: reconstruction ${formatNumber(recon)}, KL divergence ${formatNumber(kl)} nats`;
    this.container.replaceChildren(
      element("h3", {}, what[0].toUpperCase() + what.slice(1)),
      element("div", { class: "passage" },
        picture(what, x, "x"),
        picture("reconstruction of " + what, decoded, "reconstruction"),
        picture("difference between the two", difference, "difference")),
      this.terms(recon, kl),
      this.latents(q));
    return q;
  }

  terms(recon, kl) {
    const beta = this.run.klWeight;
    const term = (name, value, extra) =>
      element("div", {}, element("dt", {}, name),
              element("dd", {}, formatNumber(value)), extra ? element("dd", { class: "quiet small" }, extra) : "");
    return element("dl", { class: "terms" },
      term("Reconstruction", recon, this.run.reconLoss),
      element("span", { class: "sign", "aria-hidden": "true" }, beta === 1 ? "+" : `+ ${beta} \u00d7`),
      term("KL divergence", kl, "of q(z|x) from N(0, 1)"),
      element("span", { class: "sign", "aria-hidden": "true" }, "="),
      term("Loss", recon + beta * kl, "nats, with z = mu"));
  }

  latents(q) {
    const row = (j) => element("tr", {}, element("th", { scope: "row" }, `z${j}`),
      ...[q.mu[j], q.sigma[j]].map((v) =>
        element("td", { class: "number" }, formatNumber(v, 3))),
      element("td", { class: "number" }, formatNumber(q.kl[j], 3)));
    const head = ["latent", "mu", "sigma", "KL"].map((text, i) =>
      element("th", { scope: "col", class: i > 0 ? "number" : null }, text));
    const order = q.mu.map((_, j) => j);
    if (order.length > 8) order.sort((a, b) => q.kl[b] - q.kl[a]);
    return element("div", { class: "latents", tabindex: "0", role: "group",
                            "aria-label": "mu, sigma and KL divergence of each latent" },
      element("table", {}, element("thead", {}, element("tr", {}, ...head)),
              element("tbody", {}, ...order.slice(0, 64).map(row))));
  }
}
