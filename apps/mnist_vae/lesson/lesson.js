"use strict";

// What moves in the lesson's page. The mathematics is in vae_gradients.js.

const data = JSON.parse(document.getElementById("data").textContent);
const weights = {};
for (const [name, text] of Object.entries(data.weights)) weights[name] = floatsOf(text);
const model = new Vae(weights);
const digits = data.digits.map((digit) => ({
  label: digit.label,
  noise: digit.noise,
  x: Float64Array.from(bytesOf(digit.pixels), (byte) => Math.fround(byte / 255)),
}));

const element = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// --- Numbers and tables ---

function number(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 1e-4 || size >= 1e5 ? value.toExponential(4) : value.toPrecision(5);
}
function errorText(error) { return error < 1e-8 ? "< 1e-8" : error.toExponential(0); }

// Rows of texts, of which the first is a name.
function fillTable(id, rows) {
  element(id).tBodies[0].replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    cells.forEach((text, column) => {
      const cell = row.insertCell();
      if (column > 0) {
        cell.className = "number";
        cell.textContent = text;
        return;
      }
      cell.append(document.createElement("code"));
      cell.firstChild.textContent = text;
    });
    return row;
  }));
}

// --- Pictures ---

// A gradient at the pixels: one colour where p is too high, another where it is too low.
function drawSigned(canvas, values) {
  canvas.width = data.columns;
  canvas.height = data.rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(data.columns, data.rows);
  values.forEach((value, i) => {
    const [r, g, b] = value > 0 ? [255, 150, 60] : [80, 160, 255];
    const size = Math.min(1, Math.abs(value));
    image.data.set([r * size, g * size, b * size, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
}
function drawDigit(prefix, s) {
  drawPixels(element(prefix + "-x"), s.x, data.rows, data.columns);
  drawPixels(element(prefix + "-p"), s.p, data.rows, data.columns);
  drawSigned(element(prefix + "-da"), s.p.map((p, i) => p - s.x[i]));
}

// --- 4: the noise ---

const kReach = 3.4;  // of the plane, to either side of 0
const state = { digit: data.chosen, noise: [...digits[data.chosen].noise] };
const draw = normalStream(1);

function showNoise() {
  const { x } = digits[state.digit];
  const s = model.forward(x, state.noise), g = model.backward(s);
  [0, 1].forEach((j) => {
    element("noise-" + j).value = state.noise[j];
    element(`noise-${j}-value`).textContent = state.noise[j].toFixed(2);
  });
  for (const button of element("digits").children)
    button.setAttribute("aria-pressed", String(Number(button.dataset.digit) === state.digit));
  const rows = [];
  let kinks = false;
  for (const name of ["mu", "logvar"])
    for (const j of [0, 1]) {
      const { slope, kink } = centralDifference(model, name, j, x, state.noise, data.step);
      const sum = g["d" + name][j];
      kinks ||= kink;
      rows.push([`${name}[${j}]`, number(g.path["d" + name][j]), number(g.kl["d" + name][j]),
                 number(sum), number(slope), kink ? "kink" : errorText(relativeError(sum, slope))]);
    }
  fillTable("noise-table", rows);
  element("noise-losses").textContent =
    `recon ${s.recon.toFixed(2)} + kl ${s.kl.toFixed(2)} = loss ${s.loss.toFixed(2)} nats`;
  const [mu, sigma, z] = [s.mu[0], s.sigma[0], s.z[0]].map((v) => v.toFixed(3));
  element("noise-words").textContent =
    `First latent: z = mu + sigma noise = ${mu} + ${sigma} x ${state.noise[0].toFixed(2)} = ${z}. ` +
    `g = ${number(g.dz[0])} arrives at mu as it is, and at logvar as ` +
    `g (z - mu) / 2 = ${number(g.path.dlogvar[0])}.` +
    (state.noise[0] === 0 ? " With noise 0, recon does not see sigma: only kl moves logvar." : "") +
    (kinks ? " kink: a relu of the decoder switches within h; see section 9." : "");
  drawDigit("noise", s);
  drawPlane(s, g);
  showMistake();
}

function drawPlane(s, g) {
  const canvas = element("plane"), context = canvas.getContext("2d");
  const scale = canvas.height / (2 * kReach);
  const at = (z) => [canvas.width / 2 + scale * z[0], canvas.height / 2 - scale * z[1]];
  const ellipse = (centre, radii, stroke) => {
    context.strokeStyle = stroke;
    context.beginPath();
    context.ellipse(...at(centre), scale * radii[0], scale * radii[1], 0, 0, 2 * Math.PI);
    context.stroke();
  };
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.lineWidth = 2;
  for (const r of [1, 2]) ellipse([0, 0], [r, r], colour("--quiet"));
  for (const r of [1, 2]) ellipse(s.mu, s.sigma.map((v) => r * v), colour("--accent"));
  // The arrow's length grows with the logarithm: g spans decades.
  const size = Math.hypot(...g.dz), from = at(s.z);
  const length = size === 0 ? 0 : 22 * Math.log1p(size);
  const direction = [-g.dz[0] / (size || 1), g.dz[1] / (size || 1)];
  const to = from.map((v, i) => v + length * direction[i]);
  const side = [-direction[1], direction[0]];
  context.strokeStyle = context.fillStyle = colour("--warning");
  context.lineWidth = 3;
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  for (const sign of [1, -1]) {
    context.moveTo(...to);
    context.lineTo(...to.map((v, i) => v - 9 * direction[i] + sign * 6 * side[i]));
  }
  context.stroke();
  context.beginPath();
  context.arc(...from, 7, 0, 2 * Math.PI);
  context.fill();
}

// z goes where the pointer is, as far as the sliders let it.
function dragNoise(event) {
  if (event.buttons === 0) return;
  const box = element("plane").getBoundingClientRect(), canvas = element("plane");
  const scale = (canvas.height / (2 * kReach)) * (box.width / canvas.width);
  const z = [(event.clientX - box.left - box.width / 2) / scale,
             -(event.clientY - box.top - box.height / 2) / scale];
  const s = model.forward(digits[state.digit].x, state.noise);
  state.noise = z.map((value, j) =>
    Math.max(-3, Math.min(3, Math.round((100 * (value - s.mu[j])) / s.sigma[j]) / 100)));
  showNoise();
}

function setUpNoise() {
  digits.forEach((digit, d) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = digit.label;
    button.dataset.digit = d;
    button.addEventListener("click", () => {
      state.digit = d;
      state.noise = [...digit.noise];
      showNoise();
    });
    element("digits").append(button);
  });
  for (const j of [0, 1])
    element("noise-" + j).addEventListener("input", (event) => {
      state.noise[j] = Number(event.target.value);
      showNoise();
    });
  const onClick = (id, noise) => element(id).addEventListener("click", () => {
    state.noise = noise();
    showNoise();
  });
  onClick("noise-draw", () => [draw(), draw()].map((n) => Math.max(-3, Math.min(3, n))));
  onClick("noise-zero", () => [0, 0]);
  element("noise-text").addEventListener("click", () => {
    state.digit = data.chosen;
    state.noise = [...digits[state.digit].noise];
    showNoise();
  });
  element("plane").addEventListener("pointerdown", (event) => {
    event.target.setPointerCapture(event.pointerId);
    dragNoise(event);
  });
  element("plane").addEventListener("pointermove", dragNoise);
}

// --- 8: the mistakes ---

const mistakeNames = [...new Set(data.mistakes.map((effect) => effect.mistake))];
const headNames = [["mu", 0], ["mu", 1], ["logvar", 0], ["logvar", 1]];

// What it changes, right, wrong, and what a central difference of the right loss says of it.
function mistakeRows(mistake) {
  const { x } = digits[state.digit], next = digits[(state.digit + 1) % digits.length];
  const headRows = (input, noise, wrongNoise, of) => {
    const right = model.backward(model.forward(input, noise));
    const wrong = model.backward(model.forward(input, wrongNoise, mistake));
    // A central difference takes the noise as it is given.
    const given = mistake === "shared-noise" ? wrongNoise : noise;
    return headNames.map(([name, j]) => [`${name}[${j}]${of}`, right["d" + name][j],
      wrong["d" + name][j], centralDifference(model, name, j, input, given, data.step).slope]);
  };
  switch (mistake) {
    case "shared-noise":
      // Of a batch of two, whose gradient is that of the mean.
      return headRows(next.x, next.noise, state.noise, " of the next digit")
        .map(([what, ...values]) => [what, ...values.map((value) => value / 2)]);
    case "stale-adam": {
      const gradients = model.gradients(model.forward(x, state.noise));
      const largest = gradients[8].reduce((a, g, i) => (Math.abs(g) > Math.abs(gradients[8][a]) ? i : a), 0);
      const first = (name) => {
        const copy = model.copy();
        new Adam(copy, name).step(gradients, 1e-3);
        return copy["decoder.1"].weight[largest] - model["decoder.1"].weight[largest];
      };
      const place = `${largest % 64}, ${Math.floor(largest / 64)}`;
      return [[`first step of decoder.1.weight[${place}]`, first(""), first(mistake), null]];
    }
    case "clip-grad":
      return [["cosine with the gradient", 1,
               cosineWithCut(model.gradients(model.forward(x, state.noise))), null]];
    case "test-on-mean":
      return [["loss of this digit", model.forward(x, state.noise).loss,
               model.forward(x, [0, 0]).loss, null]];
    default:
      return headRows(x, state.noise, state.noise, "");
  }
}

function showMistake() {
  const mistake = element("mistake").value;
  const effect = data.mistakes.find((e) => e.mistake === mistake);
  const text = effect.description;
  element("mistake-what").textContent = text[0].toUpperCase() + text.slice(1) + ".";
  fillTable("mistake-table", mistakeRows(mistake).map(([what, right, wrong, numeric]) =>
    [what, number(right), number(wrong), numeric === null ? "" : number(numeric)]));
}

// Ten digits, right and with the mistake, from the text's model on.
class Training {
  constructor(mistake) {
    this.mistake = mistake;
    this.model = model.copy();
    this.adam = new Adam(this.model, mistake);
    this.normal = normalStream(7);
    this.measured = [];  // nats, before each step
    this.printed = [];
  }
  noise() { return digits.map(() => [this.normal(), this.normal()]); }
  step() {
    const n = digits.length, sums = this.model.zeros();
    let printed = 0, measured = 0;
    const noises = this.noise();
    digits.forEach((digit, d) => {
      const given = this.mistake === "shared-noise" ? noises[0] : noises[d];
      const s = this.model.forward(digit.x, given, this.mistake);
      this.model.addGradients(s, this.model.backward(s), sums, 1 / n);
      const z_is_mu = this.mistake === "test-on-mean" ? [0, 0] : given;
      printed += this.model.forward(digit.x, z_is_mu, this.mistake).loss / n;
      measured += this.model.forward(digit.x, noises[d]).loss / n;
    });
    this.adam.step(sums, 1e-3);
    this.measured.push(measured);
    this.printed.push(printed);
  }
}
let trainings = null;

function drawCurves() {
  const canvas = element("curves"), context = canvas.getContext("2d");
  const [left, top, right, bottom] = [52, 10, canvas.width - 8, canvas.height - 28];
  context.clearRect(0, 0, canvas.width, canvas.height);
  const [good, bad] = trainings;
  context.font = "20px sans-serif";
  context.fillStyle = colour("--quiet");
  if (good.measured.length === 0) {
    context.fillText("not trained yet", left, (top + bottom) / 2);
    return;
  }
  const series = [[good.measured, "--accent", []], [bad.measured, "--warning", []],
                  [bad.printed, "--quiet", [6, 5]]];
  const all = series.flatMap(([values]) => values);
  const finite = all.filter(Number.isFinite);
  const low = Math.min(0, ...finite), high = Math.max(1, ...finite);
  const x = (i, n) => left + ((right - left) * i) / Math.max(1, n - 1);
  const y = (v) => bottom - (bottom - top) * shareBetween(v, low, high);
  context.fillText(formatNumber(high, 0), 0, top + 14);
  context.fillText(formatNumber(low, 0), 0, bottom);
  context.fillText("0", left, canvas.height - 4);
  const steps = String(Math.max(0, good.measured.length));
  context.fillText(steps + " steps", right - 30 - 14 * steps.length - 26, canvas.height - 4);
  context.lineWidth = 3;
  for (const [values, name, dash] of series) {
    context.strokeStyle = colour(name);
    context.setLineDash(dash);
    context.beginPath();
    values.forEach((v, i) => context.lineTo(x(i, values.length), y(v)));
    context.stroke();
  }
  context.setLineDash([]);
}

// What the two make of the ten digits at z = mu.
function drawTen() {
  ["ten-right", "ten-wrong"].forEach((id, t) => {
    const sheet = new Float64Array(digits.length * data.rows * data.columns);
    const across = 5, width = across * data.columns;
    digits.forEach((digit, d) => {
      const { p } = trainings[t].model.forward(digit.x, [0, 0]);
      const row = Math.floor(d / across) * data.rows, column = (d % across) * data.columns;
      p.forEach((value, i) => {
        sheet[(row + Math.floor(i / data.columns)) * width + column + (i % data.columns)] = value;
      });
    });
    drawPixels(element(id), sheet, (digits.length / across) * data.rows, width);
  });
}

function resetTraining() {
  trainings = [new Training(""), new Training(element("mistake").value)];
  showTraining();
}
function showTraining() {
  drawCurves();
  drawTen();
  const [good, bad] = trainings.map((t) => t.measured.at(-1));
  element("training-words").textContent = good === undefined
    ? "The pictures are those of the text's model, at z = mu."
    : `After ${trainings[0].measured.length} steps: right ${good.toFixed(1)} nats, with the mistake ` +
      `${formatNumber(bad, 1)}, of which the program says ${number(trainings[1].printed.at(-1))}.`;
}

function trainOn(steps) {
  const these = trainings;
  element("train").disabled = true;
  const some = () => {
    if (these !== trainings || steps === 0) {
      element("train").disabled = false;
      return;
    }
    const now = Math.min(steps, 2);
    for (let i = 0; i < now; ++i) for (const training of these) training.step();
    steps -= now;
    showTraining();
    requestAnimationFrame(some);
  };
  some();
}

function setUpMistakes() {
  element("mistake").append(...mistakeNames.map((name) => new Option(name, name)));
  element("mistake").value = "kl-sign";
  element("mistake").addEventListener("change", () => {
    showMistake();
    resetTraining();
  });
  element("train").addEventListener("click", () => trainOn(100));
  element("train-reset").addEventListener("click", resetTraining);
}

// --- 2, and all ---

const { x: textX, noise: textNoise } = digits[data.chosen];
drawDigit("text", model.forward(textX, textNoise));
setUpNoise();
setUpMistakes();
resetTraining();
showNoise();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  showNoise();
  drawCurves();
});
