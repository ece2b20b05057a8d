"use strict";

// Lines over epochs, as SVG. A cursor that charts share shows the values at one epoch: it follows
// the mouse or the finger, and with the focus the arrow keys, Home and End.

const kChart = { width: 340, height: 210, right: 8, top: 8, bottom: 26 };
const kLeft = 44, kDigit = 7;  // room for the labels of an axis, for one of their digits

class EpochCursor {
  constructor() { this.listeners = []; }
  set(epoch) {
    this.epoch = epoch;
    for (const listener of this.listeners) listener(epoch);
  }
}

// series: [{ name, color, dashed, epochs, values }]; color is a custom property's name. Values
// that are null leave a gap.
class EpochChart {
  constructor(container, title, series, cursor) {
    this.series = series.filter((s) => s.values.some((v) => v !== null));
    this.cursor = cursor;
    const values = this.series.flatMap((s) => s.values).filter((v) => v !== null);
    const epochs = this.series.flatMap((s) => s.epochs);
    this.epochs = [...new Set(epochs)].sort((a, b) => a - b);
    const low = Math.min(...values), high = Math.max(...values);
    // A flat line stands in the middle.
    const margin = high * 0.04 - low * 0.04 || Math.max(1e-3, Math.abs(high) * 0.05);
    this.range = { low: Math.max(low - margin, -Number.MAX_VALUE),
                   high: Math.min(high + margin, Number.MAX_VALUE) };
    this.ticks = ticksBetween(this.range.low, this.range.high, 6);
    this.left = Math.max(kLeft, ...this.ticks.map(({ label }) => 8 + kDigit * label.length));
    this.first = this.epochs[0];
    this.last = this.epochs[this.epochs.length - 1];

    const { width, height } = kChart;
    this.svg = svgElement("svg", {
      viewBox: `0 0 ${width} ${height}`, class: "chart", tabindex: "0", role: "slider",
      "aria-label": `${title}, by epoch`, "aria-valuemin": this.first, "aria-valuemax": this.last,
    });
    this.readout = element("dl", { class: "readout" });
    this.epochLabel = element("span", { class: "quiet" });
    container.append(element("h3", {}, title, " ", this.epochLabel), this.svg, this.readout);
    if (values.length === 0) return;
    this.drawAxes();
    this.drawLines();
    this.follow();
    this.show(this.last);
  }

  x(epoch) {
    const { left } = this, { right, width } = kChart;
    if (this.first === this.last) return (left + width - right) / 2;
    return left + shareBetween(epoch, this.first, this.last) * (width - left - right);
  }
  y(value) {
    const { top, bottom, height } = kChart, { low, high } = this.range;
    return height - bottom - shareBetween(value, low, high) * (height - top - bottom);
  }

  drawAxes() {
    const { left, ticks } = this, { right, width, height, bottom } = kChart;
    for (const { value, label } of ticks) {
      const y = this.y(value);
      this.svg.append(
        svgElement("line", { class: "grid", x1: left, x2: width - right, y1: y, y2: y }),
        svgElement("text", { x: left - 6, y: y + 3.5, "text-anchor": "end" },
                   label));
    }
    const across = ticksBetween(this.first, Math.max(this.last, this.first + 1), 5)
      .filter(({ value }) => Number.isInteger(value) && value <= this.last);
    let end = -Infinity;
    const first = { value: this.first, label: formatNumber(this.first, 0) };
    for (const { value, label } of [first, ...across]) {
      if (this.x(value) - end < 26) continue;
      end = this.x(value);
      this.svg.append(svgElement("text", { x: end, y: height - bottom + 16,
                                           "text-anchor": "middle" }, label));
    }
  }

  drawLines() {
    for (const s of this.series) {
      let path = "", pen = "M";
      s.values.forEach((value, i) => {
        if (value === null) {
          pen = "M";
          return;
        }
        path += `${pen}${this.x(s.epochs[i]).toFixed(2)} ${this.y(value).toFixed(2)}`;
        pen = "L";
      });
      this.svg.append(svgElement("path", {
        class: s.dashed ? "line dashed" : "line", d: path, stroke: `var(--${s.color})` }));
    }
    const { top, bottom, height } = kChart;
    this.rule = svgElement("line", { class: "rule", y1: top, y2: height - bottom });
    this.dots = this.series.map((s) =>
      svgElement("circle", { class: "dot", r: 3, fill: `var(--${s.color})` }));
    this.svg.append(this.rule, ...this.dots);
    this.outputs = this.series.map((s) => {
      const key = svgElement("svg", { viewBox: "0 0 18 8", class: "key", "aria-hidden": "true" },
        svgElement("path", { class: s.dashed ? "line dashed" : "line", d: "M1 4H17",
                             stroke: `var(--${s.color})` }));
      const value = element("dd");
      this.readout.append(element("div", {}, element("dt", {}, key, s.name), value));
      return value;
    });
  }

  // Shows the values at the epoch, or at the nearest that this chart has.
  show(epoch) {
    const nearest = this.epochs.reduce((a, b) =>
      Math.abs(b - epoch) < Math.abs(a - epoch) ? b : a);
    this.epoch = nearest;
    const x = this.x(nearest), texts = [];
    this.rule.setAttribute("x1", x);
    this.rule.setAttribute("x2", x);
    this.series.forEach((s, i) => {
      const at = s.epochs.indexOf(nearest), value = at < 0 ? null : s.values[at];
      this.outputs[i].textContent = formatNumber(value);
      this.dots[i].setAttribute("visibility", value === null ? "hidden" : "visible");
      if (value === null) return;
      this.dots[i].setAttribute("cx", x);
      this.dots[i].setAttribute("cy", this.y(value));
      texts.push(`${s.name} ${formatNumber(value)}`);
    });
    this.epochLabel.textContent = `epoch ${nearest}`;
    this.svg.setAttribute("aria-valuenow", nearest);
    this.svg.setAttribute("aria-valuetext", `epoch ${nearest}: ${texts.join(", ")}`);
  }

  follow() {
    this.cursor.listeners.push((epoch) => this.show(epoch));
    const point = (event) => {
      const box = this.svg.getBoundingClientRect(), { left } = this, { right, width } = kChart;
      const x = (event.clientX - box.left) / box.width * width;
      const share = (x - left) / (width - left - right);
      this.cursor.set(this.first + share * (this.last - this.first));
    };
    this.svg.addEventListener("pointermove", point);
    this.svg.addEventListener("pointerdown", point);
    this.svg.addEventListener("keydown", (event) => {
      const at = this.epochs.indexOf(this.epoch), end = this.epochs.length - 1;
      const page = Math.max(1, Math.round(this.epochs.length / 10));
      const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
                   PageDown: at - page, PageUp: at + page, Home: 0, End: end }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.cursor.set(this.epochs[Math.min(Math.max(to, 0), end)]);
    });
  }
}
