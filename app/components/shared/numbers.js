// Probabilities: one decimal of a percent, down to "< 0.1 %". Values: three significant digits.
export function percent(p) {
  return p > 0 && p < 0.001 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`;
}
export function significant(x) {
  return Number.isFinite(x) ? (x === 0 ? "0" : Number(x.toPrecision(3)).toString().replace("-", "−")) : "–";
}
