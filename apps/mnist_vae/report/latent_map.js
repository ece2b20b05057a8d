"use strict";

// The test images at their mu, in two latents, coloured by digit; and a marker that is moved with
// mouse, finger, or the arrow keys.

const kTiles = 15;  // along each side, where the map shows what is decoded

class LatentMap {
  // onMove(across, up): where the marker shall be; z(): all latents.
  constructor(container, { onMove, z }) {
    this.onMove = onMove;
    this.z = z;
    this.mode = "points";
    this.digit = null;
    this.base = element("canvas", { "aria-hidden": "true" });
    this.overlay = element("canvas", { tabindex: "0", role: "application" });
    container.append(this.base, this.overlay);
    this.redraw = coalesced(() => this.draw());
    this.redrawMarker = coalesced(() => this.drawMarker());
    new ResizeObserver(this.redraw).observe(container);
    // At once: a printer waits for no frame.
    onThemeChange(() => this.draw());
    this.listen();
  }

  show(run, model) {
    const { map } = run;
    this.run = run;
    this.model = model;
    this.points = floatsOf(map.points);
    this.labels = bytesOf(map.labels);
    this.isLine = map.across === map.up;
    this.overlay.setAttribute("aria-label",
      `Map of the latent space with ${this.labels.length} test images; arrow keys move z`);
    // All but the outermost points, and most of the prior; a diverged model has points nowhere.
    const sizes = Array.from(this.points, Math.abs).filter(Number.isFinite).sort((a, b) => a - b);
    this.half = Math.max(2.6, 1.08 * (sizes[Math.floor(sizes.length * 0.999)] ?? 0));
    this.tiles = null;
    this.posterior = null;
    this.redraw();
  }
  setMode(mode) {
    this.mode = mode;
    this.tiles = null;
    this.redraw();
  }
  setDigit(digit) {
    this.digit = digit;
    this.redraw();
  }
  // Others than the two latents of the map have moved.
  forgetTiles() {
    this.tiles = null;
    if (this.mode === "decoded") this.redraw();
  }
  // q is the posterior of an image, or null.
  mark(q) {
    this.posterior = q;
    this.redrawMarker();
  }

  // --- Drawing ---

  // Places on the canvas, in CSS pixels.
  px(value) { return (value / this.half + 1) / 2 * this.size; }
  py(value) { return this.size - this.px(value); }
  // Of point i; with one latent, the digits lie in rows.
  pointY(i) {
    if (!this.isLine) return this.py(this.points[2 * i + 1]);
    return this.size * (0.06 + 0.088 * (this.labels[i] + 0.25 + (i % 17) / 34));
  }

  prepare(canvas) {
    const scale = devicePixelRatio || 1;
    canvas.width = canvas.height = Math.round(this.size * scale);
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    return context;
  }

  draw() {
    this.size = this.base.clientWidth;
    if (!this.run || this.size === 0) return;
    const context = this.prepare(this.base);
    if (this.mode === "decoded") this.drawTiles(context);
    else this.drawPoints(context);
    this.drawMarker();
  }

  drawAxes(context) {
    context.strokeStyle = themeColor("line");
    context.fillStyle = themeColor("quiet");
    context.font = "11px system-ui, sans-serif";
    context.lineWidth = 1;
    for (const { value, label } of ticksBetween(-this.half, this.half, 8)) {
      const x = Math.round(this.px(value)) + 0.5, y = Math.round(this.py(value)) + 0.5;
      context.globalAlpha = value === 0 ? 1 : 0.5;
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, this.size);
      if (!this.isLine) {
        context.moveTo(0, y);
        context.lineTo(this.size, y);
      }
      context.stroke();
      context.globalAlpha = 1;
      context.textAlign = "center";
      if (x > 12 && x < this.size - 12)
        context.fillText(label, x, this.size - 5);
      context.textAlign = "left";
      if (!this.isLine && value !== 0 && y > 28 && y < this.size - 18)
        context.fillText(label, 5, y + 4);
    }
    context.textAlign = "right";
    const { across, up } = this.run.map;
    context.fillText(`z${across} \u2192`, this.size - 6, this.size - 20);
    context.textAlign = "left";
    if (!this.isLine) context.fillText(`\u2191 z${up}`, 5, 14);
  }

  drawPoints(context) {
    this.drawAxes(context);
    const radius = Math.max(1.3, this.size / 300);
    const colors = Array.from({ length: 10 }, (_, d) => themeColor("digit-" + d));
    for (let i = 0; i < this.labels.length; ++i) {
      const label = this.labels[i];
      const faded = this.digit !== null && this.digit !== label;
      context.globalAlpha = faded ? 0.08 : 0.8;
      context.fillStyle = colors[label];
      context.beginPath();
      context.arc(this.px(this.points[2 * i]), this.pointY(i), radius, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
    this.labelDigits(context, colors);
  }

  // Each digit where half of its points lie on either side, so that no colour has to be known.
  labelDigits(context, colors) {
    context.font = "600 16px system-ui, sans-serif";
    context.textAlign = "center";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = themeColor("paper");
    const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
    const isSomewhere = (i) => Number.isFinite(this.points[2 * i] + this.points[2 * i + 1]);
    for (let digit = 0; digit < 10; ++digit) {
      if (this.digit !== null && this.digit !== digit) continue;
      const own = [];
      this.labels.forEach((label, i) => { if (label === digit && isSomewhere(i)) own.push(i); });
      if (own.length === 0) continue;
      const x = middle(own.map((i) => this.px(this.points[2 * i])));
      const y = middle(own.map((i) => this.pointY(i))) + 6;
      context.strokeText(String(digit), x, y);
      context.fillStyle = colors[digit];
      context.fillText(String(digit), x, y);
    }
  }

  // What the decoder makes of a grid of points, the other latents as they are now.
  makeTiles() {
    const { rows, columns, map } = this.run;
    const tiles = element("canvas", { width: kTiles * columns, height: kTiles * rows });
    const one = element("canvas"), context = tiles.getContext("2d"), z = this.z().slice();
    for (let i = 0; i < kTiles; ++i)
      for (let j = 0; j < kTiles; ++j) {
        z[map.across] = ((j + 0.5) / kTiles * 2 - 1) * this.half;
        if (!this.isLine) z[map.up] = (1 - (i + 0.5) / kTiles * 2) * this.half;
        drawPixels(one, this.model.decode(z), rows, columns);
        context.drawImage(one, j * columns, i * rows);
      }
    return tiles;
  }
  drawTiles(context) {
    this.tiles ??= this.makeTiles();
    context.drawImage(this.tiles, 0, 0, this.size, this.size);
  }

  drawMarker() {
    if (!this.run || !this.size) return;
    const context = this.prepare(this.overlay);
    if (!this.model.canDecode) return;
    const { across, up } = this.run.map, z = this.z();
    // The outermost pixels stay in sight where z has left the map.
    const inside = (v) => Math.min(Math.max(v, 9), this.size - 9);
    const x = inside(this.px(z[across])), y = this.isLine ? this.size / 2 : inside(this.py(z[up]));
    const twice = (draw) => {
      for (const [color, width] of [["paper", 5], ["ink", 2]]) {
        context.strokeStyle = themeColor(color);
        context.lineWidth = width;
        context.beginPath();
        draw();
        context.stroke();
      }
    };
    const q = this.posterior;
    if (q && !this.isLine)
      twice(() => {
        const scale = this.size / (2 * this.half);
        context.ellipse(this.px(q.mu[across]), this.py(q.mu[up]), q.sigma[across] * scale,
                        q.sigma[up] * scale, 0, 0, 2 * Math.PI);
      });
    twice(() => {
      context.moveTo(x + 7, y);
      context.arc(x, y, 7, 0, 2 * Math.PI);
      if (this.isLine) {
        context.moveTo(x, 0);
        context.lineTo(x, y - 7);
        context.moveTo(x, y + 7);
        context.lineTo(x, this.size);
      }
    });
  }

  // --- Moving ---

  listen() {
    const move = (event) => {
      const box = this.overlay.getBoundingClientRect();
      const value = (at, from, size) =>
        Math.min(Math.max(((at - from) / size * 2 - 1), -1), 1) * this.half;
      this.onMove(value(event.clientX, box.left, box.width),
                  -value(event.clientY, box.top, box.height));
    };
    this.overlay.addEventListener("pointerdown", (event) => {
      this.overlay.setPointerCapture(event.pointerId);
      this.isDragging = true;
      move(event);
    });
    this.overlay.addEventListener("pointermove", (event) => {
      if (this.isDragging) move(event);
    });
    for (const end of ["pointerup", "pointercancel"])
      this.overlay.addEventListener(end, () => { this.isDragging = false; });
    this.overlay.addEventListener("keydown", (event) => {
      const step = this.half / (event.shiftKey ? 10 : 50);
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1],
                         ArrowDown: [0, -1] }[event.key] ?? [0, 0];
      if (event.key !== "Home" && dx === 0 && dy === 0) return;
      event.preventDefault();
      const { across, up } = this.run.map, z = this.z();
      const inside = (v) => Math.min(Math.max(v, -this.half), this.half);
      if (event.key === "Home") this.onMove(0, 0);
      else this.onMove(inside(z[across] + dx * step), inside(z[up] + dy * step));
    });
  }
}
