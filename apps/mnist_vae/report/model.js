"use strict";

// The model of a run, of the weights that are in the page; without those, canDecode and canEncode
// are false.
class Model {
  constructor(run) {
    const { model } = run;
    const layer = (stored, activation) => {
      const integers = new Int8Array(bytesOf(stored.integers).buffer);
      return new DenseLayer(dequantize(integers, floatsOf(stored.scales)), floatsOf(stored.bias),
                            activation);
    };
    this.latent = run.latent;
    this.reconLoss = run.reconLoss;
    this.variance = model.pixelVariance;
    this.canDecode = model.decoder !== null;
    this.canEncode = model.encoder !== null;
    if (this.canDecode) {
      const last = model.decoder.length - 1;
      this.decoder = model.decoder.map((stored, i) =>
        layer(stored, i === last ? model.output : model.hidden));
      this.pixel = activations[model.pixel].forward;
    }
    if (this.canEncode) {
      this.encoder = model.encoder.map((stored) => layer(stored, model.hidden));
      this.mu = layer(model.mu, "linear");
      this.logvar = layer(model.logvar, "linear");
    }
  }

  // Of one image x: mu, logvar, sigma and the KL divergence of each latent.
  encode(x) {
    const hidden = forwardAll(this.encoder, x);
    const mu = Array.from(this.mu.forward(hidden));
    const logvar = Array.from(this.logvar.forward(hidden));
    return {
      mu,
      logvar,
      sigma: logvar.map((l) => Math.exp(clampLogvar(l) / 2)),
      kl: mu.map((m, j) => klDivergence(m, logvar[j])),
    };
  }

  // What the decoder returns: logits, probabilities or means. Valid until the next call.
  output(z) { return forwardAll(this.decoder, z); }

  // Pixels in [0, 1].
  decode(z) {
    return this.output(z).map((y) => Math.min(Math.max(this.pixel(y), 0), 1));
  }

  reconLossOf(z, x) {
    return reconstructionLoss(this.reconLoss, this.output(z), x, this.variance);
  }
}
