// Where a slider's thumb may stand, as app/components/choice/stops.py has it: fine where the eye can tell the difference.
const HUNDREDTHS = 100,
  THOUSANDTHS = 1000;

export const TEMPERATURES = [...every(0, 200, 1, HUNDREDTHS), ...every(202, 500, 2, HUNDREDTHS)];
export const TOP_PS = [...every(1, 99, 1, HUNDREDTHS), 0.995, 0.999, 1];
export const MIN_PS = [...every(0, 200, 5, THOUSANDTHS), ...every(220, 1000, 20, THOUSANDTHS)];

// Every whole number up to 20, then about a tenth more each time in round numbers, and at the end all (null).
export function topKs(size) {
  const values = [];
  for (let k = 1; k < size; k = k < 20 ? k + 1 : toTwoDigits(k + k / 10)) values.push(k);
  return [...values, null];
}

function toTwoDigits(k) {
  const unit = 10 ** (String(Math.floor(k)).length - 2);
  return Math.floor(k / unit + 0.5) * unit;
}

// low, low + step, ... high as parts of a whole.
function every(low, high, step, whole) {
  return Array.from({ length: (high - low) / step + 1 }, (_, i) => (low + i * step) / whole);
}
