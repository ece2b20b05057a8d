"use strict";

// Making parts of the page. Texts become text nodes, whatever is in them.

const kSvg = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}
// element("p", { class: "quiet" }, "text", child): true is an attribute without a value, false and
// null are none.
function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}
function svgElement(name, attributes = {}, ...children) {
  return fill(document.createElementNS(kSvg, name), attributes, children);
}
function byId(id) { return document.getElementById(id); }

function formatCount(value) { return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f"); }
function formatSeconds(seconds) {
  if (seconds < 59.5) return formatNumber(seconds, seconds < 10 ? 1 : 0) + " s";
  const whole = Math.round(seconds), minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// A colour of the style sheet, for canvases.
function themeColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}
// Also when the page is about to be printed, in the colours of paper, and after that.
function onThemeChange(listener) {
  for (const query of ["(prefers-color-scheme: dark)", "print"])
    matchMedia(query).addEventListener("change", listener);
}

// Calls draw() once before the next frame, however often it was asked for.
function coalesced(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

// A picture of the model's kind, that CSS enlarges.
function pixelCanvas(label, pixels, rows, columns) {
  const canvas = element("canvas", { class: "pixels", role: "img", "aria-label": label });
  if (pixels) drawPixels(canvas, pixels, rows, columns);
  return canvas;
}
// Levels from 0 to 255 as numbers in [0, 1].
function fromLevels(levels) { return Float32Array.from(levels, (level) => level / 255); }

// Buttons of which one is pressed. choices are [value, text]; returns a function that presses one.
function choice(container, label, choices, onChoose) {
  container.setAttribute("role", "group");
  container.setAttribute("aria-label", label);
  const buttons = new Map();
  const press = (value) => {
    for (const [other, button] of buttons)
      button.setAttribute("aria-pressed", String(other === value));
  };
  for (const [value, text] of choices) {
    const button = element("button", { type: "button", "aria-pressed": "false" }, text);
    button.addEventListener("click", () => {
      press(value);
      onChoose(value);
    });
    buttons.set(value, button);
    container.append(button);
  }
  return press;
}
