// The one writer of numbers in the browser: the other half of app/writing/numbers.py, letter by letter.
const LOWEST = -4,
  HIGHEST = 5; // powers of ten of the first digit: smaller and larger numbers are written with one
const ALL_DIGITS = 1e15; // a whole number below it is a count, whose every digit says something
const REAL_DIGITS = 12; // of a float64 whose last ones are noise: 0.1 + 0.2 is 0.3

// Three significant digits, and all of a whole part: zeros at the end say that something was rounded away, and what has fewer digits is
// written as it is. Very small and large ones in powers of ten, but whole numbers with all digits.
export function significant(value, most = 3) {
  if (!Number.isFinite(value)) return endless(value);
  if (Number.isInteger(value) && Math.abs(value) < ALL_DIGITS) return grouped(String(value));
  const tidy = Number(value.toPrecision(REAL_DIGITS));
  const few = tidy.toExponential().split("e")[0].replace(/\D/g, "").length;
  const digits = Math.min(few, most);
  const kept = few <= most ? tidy : value;
  const [mantissa, exponent] = kept.toExponential(digits - 1).split("e");
  if (exponent < LOWEST || exponent > HIGHEST) return real(`${mantissa} · 10${raised(exponent)}`);
  return grouped(kept.toFixed(Math.max(0, digits - 1 - exponent)));
}

// So many decimals, for what stands in a column or changes in its place. There is no minus zero.
export function fixed(value, decimals) {
  if (!Number.isFinite(value)) return endless(value);
  if (Math.abs(value) >= ALL_DIGITS) return significant(value);
  const text = value.toFixed(decimals);
  return grouped(Number(text) === 0 ? text.replace("-", "") : text);
}

// One decimal of a percent, down to "< 0.1 %".
export function percent(share) {
  if (Number.isNaN(share)) return endless(share);
  return share > 0 && share < 0.001 ? "< 0.1 %" : `${fixed(100 * share, 1)} %`;
}

// Three significant digits of a percent, where the smallest ones matter.
export function finePercent(share) {
  return `${significant(100 * share)} %`;
}

export function count(number) {
  return significant(number);
}

// A value with its unit; "%" stands for a probability.
export function quantity(value, unit) {
  if (unit === "%") return percent(value);
  const number = significant(value);
  return `${number} ${number === "1" && (unit === "bits" || unit === "tokens") ? unit.slice(0, -1) : unit}`.trimEnd();
}

function grouped(text) {
  const [whole, part] = text.split(".");
  return real(whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : ""));
}
// "-7" -> "⁻⁷"
function raised(exponent) {
  return String(Number(exponent)).replace(/[-\d]/g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]));
}
function real(text) {
  return text.replaceAll("-", "−");
}
function endless(value) {
  return Number.isNaN(value) ? "–" : value > 0 ? "∞" : "−∞";
}
