"use strict";

// A drawing brought to the form that MNIST's digits have, as user_image.hpp does it: cut to its
// bounding box, scaled into 20/28 of the image with its proportions kept, and moved so that its
// centre of mass is the centre of the image. ink is white on black in [0, 1], row-major. Returns
// null if nothing is drawn.
function normalizeDigit(ink, inkRows, inkColumns, rows, columns) {
  let top = inkRows, bottom = 0, left = inkColumns, right = 0;
  for (let y = 0; y < inkRows; ++y)
    for (let x = 0; x < inkColumns; ++x)
      if (ink[y * inkColumns + x] >= 0.2) {
        top = Math.min(top, y);
        bottom = Math.max(bottom, y + 1);
        left = Math.min(left, x);
        right = Math.max(right, x + 1);
      }
  if (top >= bottom) return null;

  let mass = 0, massY = 0, massX = 0;
  for (let y = top; y < bottom; ++y)
    for (let x = left; x < right; ++x) {
      const value = ink[y * inkColumns + x];
      mass += value;
      massY += value * (y + 0.5);
      massX += value * (x + 0.5);
    }

  // One pixel of the result covers step x step of the drawing.
  const step = Math.max((bottom - top) / (rows * 20 / 28), (right - left) / (columns * 20 / 28));
  const y0 = massY / mass - step * rows / 2, x0 = massX / mass - step * columns / 2;
  const mean = (from, to, first, last) => {
    let sum = 0;
    for (let y = Math.max(top, Math.floor(from)); y < Math.min(bottom, Math.ceil(to)); ++y) {
      const height = Math.min(to, y + 1) - Math.max(from, y);
      for (let x = Math.max(left, Math.floor(first)); x < Math.min(right, Math.ceil(last)); ++x)
        sum += ink[y * inkColumns + x] * height * (Math.min(last, x + 1) - Math.max(first, x));
    }
    return sum / (step * step);
  };
  const digit = new Float32Array(rows * columns);
  for (let y = 0; y < rows; ++y)
    for (let x = 0; x < columns; ++x)
      digit[y * columns + x] =
        mean(y0 + step * y, y0 + step * (y + 1), x0 + step * x, x0 + step * (x + 1));
  // A thin pen's strokes are grey now; MNIST's are white.
  const brightest = digit.reduce((a, b) => Math.max(a, b));
  return digit.map((value) => value / brightest);
}
