"use strict";

// What is only looked at: figures, bars, samples, options.

function runColor(i) { return "run-" + i; }
function runName(run, i, several) {
  if (!several) return run.name;
  const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
  swatch.style.background = `var(--${runColor(i)})`;
  return element("span", {}, swatch, run.name);
}
function table(head, rows, attributes = {}) {
  const cell = (tag, content, scope) => {
    const isNumber = typeof content === "object" && content !== null && "number" in content;
    return element(tag, { scope, class: isNumber ? "number" : null },
                   isNumber ? content.number : content);
  };
  return element("table", attributes,
    element("thead", {}, element("tr", {}, ...head.map((c) => cell("th", c, "col")))),
    element("tbody", {}, ...rows.map(([first, ...rest]) =>
      element("tr", {}, cell("th", first, "row"), ...rest.map((c) => cell("td", c, null))))));
}

// --- The head of the page ---

function lastOf(list) { return list[list.length - 1]; }
function figuresOf(run) {
  const { log, latents } = run;
  return [
    ["Validation loss", log ? formatNumber(lastOf(log.valLoss)) : "\u2013",
     log && log.bestEpoch < lastOf(log.epoch)
       ? `nats; lowest ${formatNumber(log.bestValLoss)}, epoch ${log.bestEpoch}` : "nats per image"],
    ["Reconstruction", log ? formatNumber(lastOf(log.valRecon)) : "\u2013", run.reconLoss],
    ["KL divergence", log ? formatNumber(lastOf(log.valKl)) : "\u2013",
     run.klWeight === 1 ? "nats" : `weighted by ${run.klWeight}`],
    ["Active latents", `${latents.active} of ${latents.all}`, "variance of mu above 0.01"],
    ["Training", log ? formatSeconds(log.seconds) : "\u2013",
     log ? `${log.epochs} ${log.epochs === 1 ? "epoch" : "epochs"}` : ""],
  ];
}
function describeFigures(runs) {
  if (runs.length === 1)
    return element("dl", { class: "figures" }, ...figuresOf(runs[0]).map(([name, value, unit]) =>
      element("div", {}, element("dt", {}, name), element("dd", { class: "value" }, value),
              element("dd", { class: "quiet small" }, unit))));
  const head = ["", "Model", ...figuresOf(runs[0]).map(([name]) => ({ number: name }))];
  return element("div", { class: "scroll" }, table(head, runs.map((run, i) =>
    [runName(run, i, true), run.widths, ...figuresOf(run).map(([, value]) => ({ number: value }))])));
}

// --- KL divergence of each latent ---

function describeBars(runs) {
  const largest = Math.max(...runs.flatMap((run) => run.latents.kl.map(Number))
    .filter(Number.isFinite), 1e-9);
  const indices = [...new Set(runs.flatMap((run) => run.latents.index))].sort((a, b) => a - b);
  const rows = indices.map((index) => {
    const bars = runs.flatMap((run, i) => {
      const at = run.latents.index.indexOf(index);
      if (at < 0) return [];
      const kl = Number(run.latents.kl[at]), bar = element("span", { class: "fill" });
      bar.style.width = `${Number.isFinite(kl) ? kl / largest * 100 : 0}%`;
      bar.style.background = `var(--${runColor(i)})`;
      const track = element("span", { class: "track" }, bar);
      return element("div", { class: "bar" }, track,
        element("span", { class: "bar-value" }, formatNumber(kl)),
        element("span", { class: "bar-note" }, run.latents.isActive[at] ? "" : "inactive"));
    });
    return element("div", { class: "bar-row", role: "listitem" },
      element("span", { class: "bar-name" }, `z${index}`), element("div", {}, ...bars));
  });
  return element("div", { class: rows.length > 10 ? "bars many" : "bars", role: "list" }, ...rows);
}

// --- Samples ---

function describeSamples(run) {
  const { samples, rows, columns } = run, size = rows * columns, gap = 1;
  return element("div", { class: "columns" }, ...samples.epochs.map((epoch, e) => {
    const pixels = fromLevels(bytesOf(samples.pixels[e]));
    const canvas = element("canvas", {
      class: "pixels", role: "img", width: columns, height: samples.count * (rows + gap) - gap,
      "aria-label": `${samples.count} samples after epoch ${epoch}` });
    const one = element("canvas"), context = canvas.getContext("2d");
    for (let i = 0; i < samples.count; ++i) {
      drawPixels(one, pixels.subarray(i * size, (i + 1) * size), rows, columns);
      context.drawImage(one, 0, i * (rows + gap));
    }
    return element("figure", {}, element("figcaption", {}, epoch > 0 ? String(epoch) : "now"), canvas);
  }));
}

// --- Options and data ---

function describeOptions(runs) {
  const several = runs.length > 1;
  const withOptions = runs.filter((run) => run.options);
  if (withOptions.length === 0) return element("p", {}, "These runs have no options.toml.");
  const item = ([name, , standard], k) => {
    const values = withOptions.map((run) => run.options[k][1]);
    const differ = values.some((v) => v !== values[0]);
    const shown = values.map((value) =>
      element("dd", { class: value !== standard ? "changed" : null,
                      title: value !== standard ? `instead of ${standard || "nothing"}` : null },
              value === "" ? "\u2013" : value));
    return element("div", { class: several && differ ? "differs" : null },
                   element("dt", {}, name), ...shown);
  };
  return element("dl", { class: several ? "options several" : "options" },
    ...(several ? [element("div", { class: "options-head" }, element("dt", {}),
      ...withOptions.map((run) => element("dd", {}, runName(run, runs.indexOf(run), true))))] : []),
    ...withOptions[0].options.map(item));
}

function describeData(runs) {
  const several = runs.length > 1;
  const rows = [
    ["Folder", (run) => run.folder],
    ["Model", (run) => `${run.widths}, ${run.activation}`],
    ["Parameters", (run) => formatCount(run.parameters)],
    ["Weights shown", (run) => run.epoch > 0 ? `of epoch ${run.epoch}` : "of another program"],
    ["Test data", (run) => `${run.data.name}, ${formatCount(run.data.testImages)} images`],
    ["Training data, SHA-256", (run) => element("span", { class: "mono" },
      run.data.hash || "not known: no checkpoint tells it")],
    ["Weights in this page", (run) => describeRounding(run)],
  ];
  const head = several ? ["", ...runs.map((run, i) => runName(run, i, true))] : [];
  return table(head, rows.map(([name, text]) => [name, ...runs.map(text)]), { class: "data" });
}
function describeRounding(run) {
  const { model } = run, { rounding } = model;
  if (!model.decoder) return "none: they have no room here";
  return (model.encoder ? "all" : "the decoder's: the encoder has no room here") +
    `, rounded to 8 bits; that changes the pixels of ${rounding.images} reconstructions by ` +
    `${formatNumber(rounding.mean, 3)} of 255 levels on average, by ` +
    `${formatNumber(rounding.largest, 2)} at most`;
}
