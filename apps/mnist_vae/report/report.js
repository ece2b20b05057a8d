"use strict";

// The page: shows what is in the data, and lets one z and one image go through the model.

const kSliders = 24;  // latents that have a slider, those with the largest KL divergence
const data = JSON.parse(byId("data").textContent);
const runs = data.runs, severalRuns = runs.length > 1;

// --- The latent space ---

class LatentSpace {
  constructor() {
    this.z = [];
    this.map = new LatentMap(byId("map"), { onMove: (a, u) => this.moveTo(a, u),
                                            z: () => this.z });
    this.picture = element("canvas", { class: "pixels", role: "img" });
    byId("decoded-picture").append(this.picture);
    this.redraw = coalesced(() => this.draw());
    byId("random-z").addEventListener("click", () => this.set(this.z.map(standardNormal)));
    byId("zero-z").addEventListener("click", () => this.set(this.z.map(() => 0)));
    this.pressMode = choice(byId("map-mode"), "What the map shows",
                            [["points", "Points"], ["decoded", "Decoded"]],
                            (mode) => this.map.setMode(mode));
    this.describeLegend();
  }

  show(run, model) {
    this.run = run;
    this.model = model;
    this.z = new Array(run.latent).fill(0);
    this.map.setMode("points");
    this.pressMode("points");
    byId("map-mode").hidden = !model.canDecode;
    byId("decoder").hidden = !model.canDecode;
    this.describe();
    this.map.show(run, model);
    this.makeSliders();
    this.redraw();
  }

  // q: the posterior that z comes from, if it does.
  set(z, q = null) {
    this.z = Array.from(z);
    this.map.mark(q);
    this.map.forgetTiles();
    this.redraw();
  }
  moveTo(across, up) {
    if (!this.model.canDecode) return;
    this.z[this.run.map.across] = across;
    if (!this.map.isLine) this.z[this.run.map.up] = up;
    this.map.mark(null);
    this.redraw();
  }

  draw() {
    if (!this.model.canDecode) return;
    const { rows, columns, map } = this.run;
    drawPixels(this.picture, this.model.decode(this.z), rows, columns);
    const names = map.across === map.up ? [map.across] : [map.across, map.up];
    const place = names.map((j) => `z${j} = ${formatNumber(this.z[j])}`).join(", ");
    this.picture.setAttribute("aria-label", "the decoder's image for " + place);
    byId("decoded-text").textContent = place;
    for (const { j, input, output } of this.sliders) {
      input.value = this.z[j];
      output.textContent = formatNumber(this.z[j]);
    }
  }

  describe() {
    const { map, latent, data: { testImages } } = this.run;
    const points = Math.min(testImages, bytesOf(map.labels).length);
    const axes = latent > 2 ? `, in the two of ${latent} latents with the largest KL divergence` : "";
    byId("space-text").textContent = this.model.canDecode
      ? "Drag on the map, or move the sliders: the decoder draws what lies there."
      : `The model is too large to be in this page, which may have ${data.maxBytes / 1e6} MB: ` +
        "there is no decoder to try.";
    byId("map-caption").textContent =
      `The first ${formatCount(points)} test images, each at its mu${axes}; coloured by digit.`;
  }

  describeLegend() {
    const legend = byId("digit-legend"), buttons = [];
    let chosen = null;
    for (let digit = 0; digit < 10; ++digit) {
      const dot = element("span", { class: "swatch", "aria-hidden": "true" });
      dot.style.background = `var(--digit-${digit})`;
      const button = element("button", { type: "button", "aria-pressed": "false",
        "aria-label": `show digit ${digit} alone` }, dot, String(digit));
      button.addEventListener("click", () => {
        chosen = chosen === digit ? null : digit;
        buttons.forEach((b, d) => b.setAttribute("aria-pressed", String(d === chosen)));
        this.map.setDigit(chosen);
      });
      buttons.push(button);
    }
    legend.append(...buttons);
  }

  makeSliders() {
    const { latents, latent } = this.run;
    const order = latents.index.map((_, at) => at)
      .sort((a, b) => Number(latents.kl[b]) - Number(latents.kl[a]))
      .slice(0, kSliders).map((at) => latents.index[at]).sort((a, b) => a - b);
    // As far as the map goes, which is further than 4 only if the model strays from the prior.
    const end = Math.max(4, Math.ceil(this.map.half));
    this.sliders = this.model.canDecode ? order.map((j) => {
      const input = element("input", { type: "range", min: -end, max: end,
                                       step: end > 100 ? "any" : "0.02", id: `z${j}` });
      const output = element("output", { for: `z${j}` });
      input.addEventListener("input", () => {
        this.z[j] = Number(input.value);
        this.map.mark(null);
        this.redraw();
      });
      input.addEventListener("change", () => this.map.forgetTiles());
      return { j, input, output };
    }) : [];
    byId("sliders").classList.toggle("many", this.sliders.length > 8);
    byId("sliders").replaceChildren(...this.sliders.map(({ j, input, output }) =>
      element("div", {}, element("label", { for: `z${j}` }, `z${j}`), input, output)));
    byId("sliders-note").textContent = this.sliders.length < latent && this.model.canDecode
      ? `The ${this.sliders.length} latents with the largest KL divergence; the others stay where ` +
        "they are." : "";
  }
}

// A number from N(0, 1), by Box and Muller.
function standardNormal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

// --- One image ---

class Images {
  constructor(space) {
    this.space = space;
    this.inspector = new Inspector(byId("inspector"));
    this.picker = new Picker(byId("picker"), (x, what) => this.inspect(x, what));
    this.pad = new DrawingPad(byId("pad"), (ink, side) => this.draw(ink, side));
    byId("pad").setAttribute("aria-label", "Field to draw a digit on");
    byId("clear-pad").addEventListener("click", () => {
      this.pad.clear();
      this.inspector.clear();
    });
  }

  show(run, model) {
    byId("images").hidden = run.images === null && !model.canEncode;
    byId("inspector").hidden = byId("drawing").hidden = !model.canEncode;
    byId("images-text").textContent = model.canEncode
      ? "Test images above what comes back of them, with z = mu. Choose one, or draw your own, to " +
        "see it encoded and decoded."
      : "Test images above what comes back of them, with z = mu. The encoder has no room in this " +
        `page, which may have ${data.maxBytes / 1e6} MB: no other image can be tried.`;
    this.run = run;
    this.model = null;
    this.pad.clear();
    this.model = model;
    this.inspector.show(run, model);
    byId("picker").hidden = run.images === null;
    if (run.images === null) return;
    this.picker.show(run, model);
    if (!model.canEncode) return;
    this.picker.pick(0);
    // It was not asked for: the map begins at z = 0.
    this.space.set(this.space.z.map(() => 0));
  }

  inspect(x, what) {
    const q = this.inspector.inspect(x, what);
    this.space.set(q.mu, q);
  }

  draw(ink, side) {
    if (!this.model || ink === null) return;
    const x = normalizeDigit(ink, side, side, this.run.rows, this.run.columns);
    if (x === null) return;
    if (this.run.images) this.picker.press(null);
    this.inspect(x, "your drawing");
  }
}

// --- What is only looked at ---

function describeHead() {
  byId("title").textContent = runs.map((run) => run.name).join(", ");
  byId("subtitle").textContent = severalRuns ? `${runs.length} runs` :
    [runs[0].widths + ", " + runs[0].activation, runs[0].loss, runs[0].optimizer,
     runs[0].data.name].filter(Boolean).join(" \u00b7 ");
  const flagged = runs.filter((run) => run.mistake);
  byId("warnings").append(...flagged.map((run) => element("p", { class: "warning", role: "alert" },
    severalRuns ? `${run.name}: ${run.mistake}` : run.mistake)));
  if (flagged.length > 0) document.body.classList.add("flagged");
  byId("figures").append(describeFigures(runs));
}

function describeLosses() {
  const logged = runs.map((run, i) => ({ run, i })).filter(({ run }) => run.log);
  byId("losses").hidden = logged.length === 0;
  const stride = Math.max(1, ...logged.map(({ run }) => run.log.stride));
  byId("losses-text").textContent = "In nats per image. " +
    (severalRuns ? "Solid lines: validation; dashed: training. " : "") +
    "Point at a curve, or focus it and use the arrow keys, for its values." +
    (stride > 1 ? ` One epoch of ${stride} is shown.` : "");
  const cursor = new EpochCursor();
  for (const [title, training, validation] of [["Loss", "loss", "valLoss"],
                                               ["Reconstruction", "recon", "valRecon"],
                                               ["KL divergence", "kl", "valKl"]]) {
    const series = logged.flatMap(({ run, i }) => {
      const of = (kind, values, dashed) => ({
        name: severalRuns ? `${run.name}, ${kind}` : kind, color: runColor(i), dashed,
        epochs: run.log.epoch, values: run.log[values] });
      return [of("validation", validation, false), of("training", training, true)];
    });
    const container = element("figure", { class: "chart-box" });
    byId("charts").append(container);
    if (series.length > 0) new EpochChart(container, title, series, cursor);
  }
}

function describeDivergences() {
  const { images } = runs[0].latents;
  const left = Math.max(...runs.map((run) => run.latents.all - run.latents.index.length));
  byId("divergences-text").textContent =
    `In nats, the mean over ${formatCount(images)} test images. A latent is active if the variance ` +
    "of its mu over the images is above 0.01; the decoder ignores the others." +
    (left > 0 ? ` ${formatCount(left)} latents with less are not shown.` : "");
  byId("bars").append(describeBars(runs));
}

function showSamples(run) {
  byId("samples").hidden = run.samples === null;
  if (run.samples === null) return;
  byId("samples-text").textContent =
    `What the decoder made of the same ${run.samples.count} random z after each of these epochs.`;
  byId("strip").replaceChildren(describeSamples(run));
}

function describeProfiles() {
  const profiled = runs.filter((run) => run.profile);
  byId("profile").hidden = profiled.length === 0;
  byId("profile-text").textContent = "Where the time of the training steps went (train --profile).";
  for (const run of profiled)
    byId("profiles").append(...(severalRuns ? [element("h3", {}, run.name)] : []),
      element("pre", { class: "scroll panel", tabindex: "0", role: "group",
                       "aria-label": "profile of " + run.name }, run.profile.trim()));
}

function describeConfiguration() {
  byId("configuration-text").textContent =
    "options.toml of the run; what is not the default stands out" +
    (severalRuns ? ", and rows that differ between the runs are marked." : ".");
  byId("options").append(describeOptions(runs));
  byId("data-table").append(describeData(runs));
  byId("footer").textContent =
    `Written by mnist_vae ${data.version}. The page is this one file and asks the network for ` +
    "nothing; `mnist_vae report RUN [RUN2 ...]` makes another.";
}

// --- All of it ---

const space = new LatentSpace(), images = new Images(space);
let model;
function showRun(i) {
  model = new Model(runs[i]);
  space.show(runs[i], model);
  images.show(runs[i], model);
  showSamples(runs[i]);
}

describeHead();
showRun(0);
describeLosses();
describeDivergences();
describeProfiles();
describeConfiguration();
if (severalRuns) {
  byId("run-choice").hidden = false;
  choice(byId("run-choice"), "The run whose model is shown",
         runs.map((run, i) => [i, run.name]), showRun)(0);
}
