// What ticksBetween promises, held against ranges of every size. Returns the lines of what is not so.
function faultsOfTicks() {
  const faults = [];
  const expectLabels = (low, high, count, expected) => {
    const found = ticksBetween(low, high, count).map((tick) => tick.label).join(" ");
    if (found !== expected) faults.push(`[${low}, ${high}]: found ${found}, expected ${expected}`);
  };
  expectLabels(0, 100, 5, "0 20 40 60 80 100");
  expectLabels(-2.6, 2.6, 8, "\u22122 \u22121 0 1 2");
  expectLabels(149.2, 172.9, 6, "150 155 160 165 170");
  expectLabels(0.1, 0.32, 5, "0.10 0.15 0.20 0.25 0.30");
  expectLabels(-9e13, 9e13, 5, "\u22125e13 0 5e13");
  expectLabels(0, 1e14, 5, "0 2e13 4e13 6e13 8e13 1e14");
  expectLabels(9e13, 1.2e14, 6, "9e13 9.5e13 1e14 1.05e14 1.1e14 1.15e14 1.2e14");
  expectLabels(0, 4e-7, 4, "0 1e\u22127 2e\u22127 3e\u22127 4e\u22127");
  expectLabels(150, 150, 6, "150");
  expectLabels(0, 0, 6, "0");
  expectLabels(-Number.MAX_VALUE, Number.MAX_VALUE, 4, "\u22121e308 0 1e308");
  for (const [low, high] of [[NaN, 1], [0, NaN], [-Infinity, 1], [0, Infinity], [NaN, NaN], [2, 1]])
    expectLabels(low, high, 5, "");

  const ends = [0, 1, 3.7, 150, 1e16, 1e17 + 32, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53];
  for (let power = -323; power <= 308; power += 7) ends.push(Number(`3.3e${power}`));
  ends.push(...ends.map((end) => -end));
  const widths = [0, 1e-15, 1e-9, 0.1, 1, 1e9].map((share) => (end) => end + Math.abs(end) * share);
  const pairs = [...ends.flatMap((end) => widths.map((width) => [end, width(end)])),
                 ...ends.flatMap((a) => ends.map((b) => [Math.min(a, b), Math.max(a, b)]))];
  for (const [low, high] of pairs.filter((pair) => pair.every(Number.isFinite)))
    for (const count of [4, 5, 6, 8]) {
      const ticks = ticksBetween(low, high, count), what = `[${low}, ${high}], about ${count}`;
      const slack = (high / 2 - low / 2) * 1e-6;
      if (ticks.length < 1 || ticks.length > 2 * count) faults.push(`${what}: ${ticks.length} ticks`);
      if (!ticks.every(({ value }) => value >= low - slack && value <= high + slack))
        faults.push(`${what}: a tick outside`);
      if (!ticks.every(({ value }, i) => i === 0 || value > ticks[i - 1].value))
        faults.push(`${what}: not in order`);
      if (new Set(ticks.map(({ label }) => label)).size < ticks.length)
        faults.push(`${what}: two labels are the same`);
      if (!ticks.every(({ label }) => /^\u2212?\d+(\.\d+)?(e\u2212?\d+)?$/.test(label) && label.length <= 11))
        faults.push(`${what}: ${ticks.map(({ label }) => label)}`);
      const shares = ticks.map(({ value }) => shareBetween(value, low, high));
      if (low < high && !shares.every((share) => share >= -0.01 && share <= 1.01))
        faults.push(`${what}: shares ${shares}`);
    }

  for (const [value, decimals, expected] of [
    [0, 2, "0.00"], [-0.001, 2, "0.00"], [-1.5, 1, "\u22121.5"], [999999, 0, "999999"],
    [1e6, 2, "1e6"], [-9.87e13, 2, "\u22129.87e13"], [1.5e300, 3, "1.5e300"], [NaN, 2, "\u2013"],
    [Infinity, 2, "\u2013"], [null, 2, "\u2013"], [undefined, 2, "\u2013"]]) {
    const found = formatNumber(value, decimals);
    if (found !== expected) faults.push(`${value}: found ${found}, expected ${expected}`);
  }
  return faults;
}
