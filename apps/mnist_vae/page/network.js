"use strict";

// Dense layers on typed arrays, as layers/dense.hpp has them, for one sample; and pixels on a
// canvas. For pages: classic scripts share what stands at their top level.

// Numbers as base64_of() in base64.hpp writes them.
function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; ++i) bytes[i] = text.charCodeAt(i);
  return bytes;
}
function floatsOf(base64) { return new Float32Array(bytesOf(base64).buffer); }

// Weights that were rounded to integers from -127 to 127, row by row: row r is scales[r] times its
// integers. scales (rows), returns (rows, columns).
function dequantize(integers, scales) {
  const values = new Float32Array(integers.length);
  const columns = integers.length / scales.length;
  for (let i = 0; i < values.length; ++i)
    values[i] = integers[i] * scales[Math.floor(i / columns)];
  return values;
}

// y = f(a), and dy/da from y, which is all that each of these needs.
const activations = {
  linear: { forward: (a) => a, derivative: () => 1 },
  relu: { forward: (a) => Math.max(0, a), derivative: (y) => (y > 0 ? 1 : 0) },
  tanh: { forward: Math.tanh, derivative: (y) => 1 - y * y },
  sigmoid: { forward: (a) => 1 / (1 + Math.exp(-a)), derivative: (y) => y * (1 - y) },
};

// y = f(W x + b), with W (out, in) row-major as files have it, b (out), x (in), y (out).
class DenseLayer {
  constructor(weight, bias, activation) {
    this.weight = weight;
    this.bias = bias;
    this.activation = activations[activation];
    this.inputs = weight.length / bias.length;
    this.outputs = bias.length;
    if (!this.activation) throw new Error("no activation " + activation);
    if (!Number.isInteger(this.inputs)) throw new Error("a weight and a bias of different layers");
  }

  // Valid until the next call.
  forward(x) {
    const { weight, bias, inputs, outputs } = this;
    const f = this.activation.forward;
    this.y ??= new Float32Array(outputs);
    for (let o = 0; o < outputs; ++o) {
      // Four sums, so that no addition has to wait for the one before.
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      let w = o * inputs, i = 0;
      for (; i + 4 <= inputs; i += 4, w += 4) {
        s0 += weight[w] * x[i];
        s1 += weight[w + 1] * x[i + 1];
        s2 += weight[w + 2] * x[i + 2];
        s3 += weight[w + 3] * x[i + 3];
      }
      for (; i < inputs; ++i, ++w) s0 += weight[w] * x[i];
      this.y[o] = f(s0 + s1 + (s2 + s3) + bias[o]);
    }
    return this.y;
  }
}

// Layers one after another. Returns the last one's output.
function forwardAll(layers, x) {
  for (const layer of layers) x = layer.forward(x);
  return x;
}

// Pixels in [0, 1], row-major, one each on the canvas, which CSS enlarges: 0 is black. Others are
// cut off, as in the PNG files.
function drawPixels(canvas, pixels, rows, columns) {
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; ++i) {
    // A Uint8ClampedArray rounds and cuts off.
    image.data[4 * i] = image.data[4 * i + 1] = image.data[4 * i + 2] = 255 * pixels[i];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
