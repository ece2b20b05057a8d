"use strict";

// The ticks of every axis, and numbers in few characters. Both hold for any doubles, also those of a
// diverged model: nothing here takes longer for larger numbers.

const kMinus = "\u2212", kDash = "\u2013";

// As many decimals as asked for; from 1e6 on "1.5e14", with at most two; a minus that is one, a dash
// for what is no number.
function formatNumber(value, decimals = 2) {
  if (value === null || value === undefined || !Number.isFinite(value)) return kDash;
  if (Math.abs(value) >= 1e6) return powerOfTen(value, 2);
  const text = value.toFixed(decimals);
  return (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text).replace("-", kMinus);
}
// "1.5e14", with at most so many decimals.
function powerOfTen(value, decimals) {
  if (value === 0) return "0";
  const [number, power] = value.toExponential(decimals).replace("+", "").split("e");
  return `${Number(number)}e${power}`.replaceAll("-", kMinus);
}

// Where the value is between low (0) and high (1).
function shareBetween(value, low, high) {
  if (Number.isFinite(high - low)) return (value - low) / (high - low);
  return (value / 2 - low / 2) / (high / 2 - low / 2);
}

// About `count` round numbers within [low, high], at least one and at most twice as many, in rising
// order, as [{ value, label }]; fewer if they would look alike, and none between ends that are not
// finite or not in order. count is at least 4: a step has to be a double, too.
function ticksBetween(low, high, count) {
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high) return [];
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (low === high) return labelTicks([low], Math.floor(Math.log10(size)) - 2);
  // Doubles have 15 digits: no step is below the last.
  const rough = Math.max(high / count - low / count, size * 1e-15, Number.MIN_VALUE);
  const power = Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((f) => Number(`${f}e${power}`)).find((s) => s >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9), values = [];
  const last = Math.min(high + step * 1e-9, Number.MAX_VALUE);
  for (let i = 0; i < 2 * count && (first + i) * step <= last; ++i)
    values.push(Math.min(Math.max((first + i) * step, low), high));
  return labelTicks(values.length > 0 ? values : [low], Math.floor(Math.log10(step) + 1e-9));
}
// With the decimals that steps of 10^power need, as far as there is room.
function labelTicks(values, power) {
  const size = Math.floor(Math.log10(Math.max(...values.map(Math.abs))));
  const label = size >= 5 || size < -3
    ? (value) => powerOfTen(value, Math.min(Math.max(size - power, 0), 3))
    : (value) => formatNumber(value, Math.min(Math.max(-power, 0), 6 - size));
  return values.map((value) => ({ value, label: label(value) }))
    .filter((tick, i, all) => i === 0 || tick.label !== all[i - 1].label);
}
