"use strict";

// A field to draw a digit on, with mouse, finger or pen, or with the keys: arrows move, Space puts
// the pen down and lifts it. onDraw(ink, side) gets what is drawn, onDraw(null) that nothing is.
class DrawingPad {
  constructor(canvas, onDraw) {
    this.canvas = canvas;
    this.side = canvas.width = canvas.height = 224;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.onDraw = onDraw;
    this.changed = coalesced(() => onDraw(this.ink(), this.side));
    this.key = { x: this.side / 2, y: this.side / 4, down: false };
    this.clear();
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.last = this.place(event);
      this.stroke(this.last);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.last) return;
      // A fast hand makes several moves between two frames.
      const moves = event.getCoalescedEvents?.() ?? [];
      for (const move of moves.length ? moves : [event]) this.stroke(this.place(move));
    });
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, () => { this.last = null; });
    canvas.addEventListener("keydown", (event) => this.onKey(event));
    canvas.addEventListener("blur", () => { this.key.down = false; });
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: (event.clientX - box.left) / box.width * this.side,
      y: (event.clientY - box.top) / box.height * this.side,
    };
  }

  stroke(to) {
    const from = this.last ?? to;
    this.context.beginPath();
    this.context.moveTo(from.x, from.y);
    this.context.lineTo(to.x, to.y);
    this.context.stroke();
    if (this.last) this.last = to;
    this.changed();
  }

  onKey(event) {
    const step = this.side / 28;
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
                       ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (event.key === " ") this.key.down = !this.key.down;
    else if (event.key === "Escape" || event.key === "Delete") this.clear();
    else if (dx === 0 && dy === 0) return;
    event.preventDefault();
    const inside = (value) => Math.min(Math.max(value, step), this.side - step);
    const from = { ...this.key };
    this.key.x = inside(from.x + dx * step);
    this.key.y = inside(from.y + dy * step);
    if (!this.key.down) return;
    this.last = from;
    this.stroke(this.key);
    this.last = null;
  }

  clear() {
    this.context.fillStyle = "black";
    this.context.fillRect(0, 0, this.side, this.side);
    this.context.strokeStyle = "white";
    this.context.lineWidth = this.side / 13;
    this.context.lineCap = this.context.lineJoin = "round";
    this.last = null;
    this.key.down = false;
    this.onDraw(null);
  }

  ink() {
    const { data } = this.context.getImageData(0, 0, this.side, this.side);
    const ink = new Float32Array(this.side * this.side);
    for (let i = 0; i < ink.length; ++i) ink[i] = data[4 * i] / 255;
    return ink;
  }
}
