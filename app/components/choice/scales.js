// The place of a value on a slider, and how axes and settings are written.
import { count, finePercent, fixed } from "../shared/numbers.js";

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
  return p === 0 ? "0" : finePercent(p);
}
export function choices(bits) {
  const n = 2 ** bits;
  return n < 1.05 ? "1" : n < 9.95 ? fixed(n, 1) : count(Math.round(n));
}
