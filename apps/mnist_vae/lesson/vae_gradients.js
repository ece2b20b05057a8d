"use strict";

// The forward and backward pass of the lesson's model, written by hand once more: for one image, in
// double, in the words of core/reference_vae.hpp. Mistakes are those of mistakes.hpp.

const kLayers = ["encoder.0", "mu", "logvar", "decoder.0", "decoder.1"];
const kPixelCount = 784;

class Vae {
  // weights: the name of each tensor and its values, weights (out, in).
  constructor(weights) {
    for (const name of kLayers) {
      const weight = Float64Array.from(weights[name + ".weight"]);
      const bias = Float64Array.from(weights[name + ".bias"]);
      const layer = new DenseLayer(weight, bias, /coder.0/.test(name) ? "relu" : "linear");
      layer.y = new Float64Array(bias.length);
      this[name] = layer;
    }
  }
  layers() { return kLayers.map((name) => this[name]); }
  copy() {
    const weights = {};
    for (const name of kLayers) {
      weights[name + ".weight"] = this[name].weight;
      weights[name + ".bias"] = this[name].bias;
    }
    return new Vae(weights);
  }

  // Losses, and all that backward() needs. Copies what the layers would overwrite.
  forward(x, noise, mistake = "") {
    const run = (name, input) => Float64Array.from(this[name].forward(input));
    const s = { x, mistake };
    s.noise = mistake === "no-noise" ? noise.map(() => 0) : noise;
    s.h = run("encoder.0", x);
    s.mu = run("mu", s.h);
    s.logvar = run("logvar", s.h);
    s.sigma = mistake === "sigma-as-logvar" ? s.logvar : s.logvar.map((l) => Math.exp(l / 2));
    s.z = s.mu.map((mu, j) => mu + s.sigma[j] * s.noise[j]);
    s.d = run("decoder.0", s.z);
    s.a = run("decoder.1", s.d);
    s.p = s.a.map((a) => 1 / (1 + Math.exp(-a)));

    s.recon = 0;
    s.a.forEach((a, i) => {
      s.recon += Math.max(a, 0) - a * x[i] + Math.log1p(Math.exp(-Math.abs(a)));
    });
    s.kl = 0;
    s.mu.forEach((mu, j) => {
      s.kl += 0.5 * (mu * mu + (Math.expm1(s.logvar[j]) - s.logvar[j]));
    });
    s.reconScale = mistake === "mean-bce" ? 1 / kPixelCount : 1;
    s.klScale = mistake === "kl-sign" ? -1 : mistake === "kl-over-pixels" ? 1 / kPixelCount : 1;
    s.loss = s.reconScale * s.recon + s.klScale * s.kl;
    return s;
  }

  // The gradients of s.loss at the logits, z, mu and logvar; of the last two both addends.
  backward(s) {
    // recon = sum max(a, 0) - a x + log1p(exp(-|a|))
    const da = s.p.map((p, i) => s.reconScale * (p - s.x[i]));
    const dd = inputGradient(this["decoder.1"], da);
    const dd_a = dd.map((dy, i) => (s.d[i] > 0 ? dy : 0));  // d = relu(...)
    const dz = inputGradient(this["decoder.0"], dd_a);
    // z = mu + exp(logvar / 2) noise
    const path = {
      dmu: dz,
      dlogvar: dz.map((g, j) => g * s.noise[j] * (s.mistake === "sigma-as-logvar" ? 1 : s.sigma[j] / 2)),
    };
    // kl = sum 0.5 (mu^2 + expm1(logvar) - logvar)
    const kl = {
      dmu: s.mu.map((mu) => s.klScale * mu),
      dlogvar: s.logvar.map((l) => s.klScale * 0.5 * Math.expm1(l)),
    };
    return {
      da, dd_a, dz, path, kl,
      dmu: dz.map((g, j) => g + kl.dmu[j]),
      dlogvar: path.dlogvar.map((g, j) => g + kl.dlogvar[j]),
    };
  }

  // The gradient of every tensor, in the order of kLayers, a weight and then a bias; added to
  // `sums`, times `share`.
  addGradients(s, g, sums, share = 1) {
    // mu = h W + b and logvar = h W + b, which both read h
    const dh = inputGradient(this.mu, g.dmu);
    inputGradient(this.logvar, g.dlogvar).forEach((value, i) => { dh[i] += value; });
    const dh_a = dh.map((dy, i) => (s.h[i] > 0 ? dy : 0));  // h = relu(...)
    const pairs = [[dh_a, s.x], [g.dmu, s.h], [g.dlogvar, s.h], [g.dd_a, s.z], [g.da, s.d]];
    pairs.forEach(([da, x], layer) => {
      const dw = sums[2 * layer], db = sums[2 * layer + 1];
      for (let o = 0; o < da.length; ++o) {
        const slope = share * da[o];
        db[o] += slope;
        if (slope === 0) continue;
        for (let i = 0; i < x.length; ++i) dw[o * x.length + i] += slope * x[i];
      }
    });
  }
  zeros() {
    return this.layers().flatMap((l) => [l.weight, l.bias]).map((t) => new Float64Array(t.length));
  }
  gradients(s) {
    const sums = this.zeros();
    this.addGradients(s, this.backward(s), sums);
    return sums;
  }
}

// dx = W^T da
function inputGradient(layer, da) {
  const dx = new Float64Array(layer.inputs);
  for (let o = 0; o < layer.outputs; ++o)
    for (let i = 0; i < layer.inputs; ++i) dx[i] += layer.weight[o * layer.inputs + i] * da[o];
  return dx;
}

// (loss(h) - loss(-h)) / 2h of the right loss, for bias j of a layer: mu, or logvar. kink: whether a
// relu of the decoder switches in between.
function centralDifference(model, name, j, x, noise, h) {
  const bias = model[name].bias, before = bias[j];
  bias[j] = before + h;
  const plus = model.forward(x, noise);
  bias[j] = before - h;
  const minus = model.forward(x, noise);
  bias[j] = before;
  return {
    slope: (plus.loss - minus.loss) / (2 * h),
    kink: plus.d.some((d, i) => d > 0 !== minus.d[i] > 0),
  };
}

function relativeError(a, b) {
  const larger = Math.max(Math.abs(a), Math.abs(b));
  return larger === 0 ? 0 : Math.abs(a - b) / larger;
}

// optim/adam.hpp with the constants of Keras.
class Adam {
  constructor(model, mistake = "") {
    this.model = model;
    this.mistake = mistake;
    this.m = model.zeros();
    this.v = model.zeros();
    this.late = model.zeros();
    this.power1 = this.power2 = 1;
  }
  // Each element, where to: an update, or with stale-adam that of the step before.
  step(gradients, rate) {
    this.power1 *= 0.9;
    this.power2 *= 0.999;
    const size = (rate * Math.sqrt(1 - this.power2)) / (1 - this.power1);
    const tensors = this.model.layers().flatMap((l) => [l.weight, l.bias]);
    tensors.forEach((w, t) => {
      const m = this.m[t], v = this.v[t], late = this.late[t];
      for (let e = 0; e < w.length; ++e) {
        const g = this.mistake === "clip-grad" ? cut(gradients[t][e]) : gradients[t][e];
        m[e] += (g - m[e]) * (1 - 0.9);
        v[e] += (g * g - v[e]) * (1 - 0.999);
        const step = (-size * m[e]) / (Math.sqrt(v[e]) + 1e-7);
        w[e] += this.mistake === "stale-adam" ? late[e] : step;
        late[e] = step;
      }
    });
  }
}

function cut(g) { return Math.max(-1e-3, Math.min(1e-3, g)); }

function cosineWithCut(gradients) {
  let both = 0, whole = 0, cuts = 0;
  for (const tensor of gradients)
    for (const g of tensor) {
      both += g * cut(g);
      whole += g * g;
      cuts += cut(g) * cut(g);
    }
  return both / Math.sqrt(whole * cuts);
}

// Numbers from N(0, 1) that are the same every time: for pages that are to be repeatable.
function normalStream(seed) {
  const uniform = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
