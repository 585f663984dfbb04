// Where a slider's thumb may stand: a list of values each, and the words under it. Fine where the eye can tell the difference.

function steps(from, to, by) {
  const count = Math.round((to - from) / by);
  return Array.from({ length: count + 1 }, (_, i) => Number((from + i * by).toFixed(4)));
}

export const TEMPERATURES = [...steps(0, 2, 0.01), ...steps(2.02, 5, 0.02)];
export const TOP_PS = [...steps(0.01, 0.99, 0.01), 0.995, 0.999, 1];
export const MIN_PS = [...steps(0, 0.2, 0.005), ...steps(0.22, 1, 0.02)];

// Every whole number up to 20, then about a tenth more each time in round numbers, and at the end all (null).
export function topKs(size) {
  const values = [];
  for (let k = 1; k < size; k = k < 20 ? k + 1 : roundTo2(k * 1.1)) values.push(k);
  return [...values, null];
}
function roundTo2(x) {
  return Number(x.toPrecision(2));
}

// The place of the value that is nearest; a link may hold values that no thumb can reach.
export function nearest(values, value) {
  if (value === null) return values.length - 1;
  let best = 0;
  values.forEach((v, i) => {
    if (v !== null && Math.abs(v - value) < Math.abs(values[best] - value)) best = i;
  });
  return best;
}

// The end of the axis for a longest bar p, in round numbers, so that it stands still while p grows a little.
export function axisEnd(p) {
  if (!(p > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(p));
  return Math.min(1, [1, 1.5, 2, 3, 4, 6, 8, 10].find((m) => m * unit >= p * (1 - 1e-9)) * unit);
}

export function tickText(p) {
  return p === 0 ? "0" : `${Number((100 * p).toPrecision(3))} %`;
}
export function count(n) {
  return n.toLocaleString("en-US");
}
export function choices(bits) {
  const n = 2 ** bits;
  return n < 1.05 ? "1" : n < 9.95 ? n.toFixed(1) : count(Math.round(n));
}
