// One axis: the range that it shows, the pixel at which a value stands, and its ticks.
import { reach } from "./marks.js";
import { plain, widthOf, written } from "./text.js";

export class Axis {
  constructor(letter, layout, traces) {
    this.letter = letter;
    this.spec = layout[`${letter}axis`] ?? {};
    this.log = this.spec.type === "log";
    this.title = plain(this.spec.title?.text);
    [this.low, this.high] = this.range(traces.map((trace) => reach(trace, letter)));
  }

  value(number) {
    return this.log ? Math.log10(number) : number;
  }

  // As plotly does it: a little room beyond what needs it, none below a 0 on which bars stand. On a logarithmic axis in powers.
  range(reaches) {
    const { range, autorange, rangemode } = this.spec;
    if (range && !autorange) return range;
    const numbers = reaches
      .flatMap(({ values }) => values)
      .map((v) => (v === null ? NaN : this.value(v)))
      .filter(Number.isFinite);
    const zero = !this.log && (rangemode === "tozero" || reaches.some((one) => one.zero));
    let low = numbers.reduce((a, b) => Math.min(a, b), zero ? 0 : Infinity);
    let high = numbers.reduce((a, b) => Math.max(a, b), zero ? 0 : -Infinity);
    if (!numbers.length) [low, high] = [0, 1];
    else if (low === high) [low, high] = zero ? [Math.min(low, 0), high || 1] : [low - 1, high + 1];
    else if (reaches.some((one) => one.room)) {
      const room = 0.055 * (high - low);
      [low, high] = [zero && low === 0 ? 0 : low - room, zero && high === 0 ? 0 : high + room];
    }
    return autorange === "reversed" ? [high, low] : [low, high];
  }

  span(from, to) {
    Object.assign(this, { from, to });
  }

  place(number) {
    return this.from + ((this.value(number) - this.low) / (this.high - this.low)) * (this.to - this.from);
  }

  // Where something stands that counts as plotly's layout does: in parts of the plot, or in values.
  at(number, reference) {
    const part = /domain|paper/.test(reference ?? "");
    return part ? this.from + number * (this.to - this.from) : this.place(number);
  }

  // [{value, text}]: those that the figure names, or round numbers, about `count` of them.
  ticks(count) {
    const { tickvals, ticktext, tickformat, dtick } = this.spec;
    const [low, high] = [Math.min(this.low, this.high), Math.max(this.low, this.high)];
    const slack = (this.slack ?? 1e-9) * (high - low);
    const inside = ({ value }) => this.value(value) >= low - slack && this.value(value) <= high + slack;
    const found = tickvals
      ? tickvals.map((value, i) => ({ value, text: ticktext ? plain(ticktext[i]) : written(value) }))
      : this.log
        ? powers(low, high, count, this.spec.exponentformat)
        : rounds(
            low - slack,
            high + slack,
            dtick ?? roundStep((high - low) / Math.max(1, Math.min(count, this.spec.nticks ?? count))),
            tickformat,
          );
    return found.filter(inside);
  }
}

// The smallest of 1, 2, 5, 10, 20, ... that is not below `least`.
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((k) => k * power >= least * (1 - 1e-9)) ?? 10);
}

function rounds(low, high, step, format) {
  const from = Math.ceil(low / step - 1e-9);
  const many = Math.min(200, Math.floor(high / step + 1e-9) - from + 1);
  return Array.from({ length: Math.max(0, many) }, (_, i) => (from + i) * step).map((value) => ({
    value,
    text: written(value, step, format),
  }));
}

const HIGH = { "-": "⁻", ...Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].map((sign, i) => [i, sign])) };

// 1, 10, 100, ...; where fewer than three of them are in sight, 2 and 5 in between.
function powers(low, high, count, style) {
  const step = Math.max(1, Math.ceil((high - low) / Math.max(1, count)));
  const between = Math.floor(high) - Math.ceil(low) < 2 ? [1, 2, 5] : [1];
  const all = [];
  for (let power = Math.floor(low); power <= high; power++) {
    if (power % step === 0) all.push(...between.map((k) => [k, power]));
  }
  const name = (k, power) => {
    if (style !== "power" || between.length > 1 || power === 0 || power === 1) return written(Number(`${k}e${power}`));
    return `10${[...String(power)].map((sign) => HIGH[sign]).join("")}`;
  };
  return all.map(([k, power]) => ({ value: Number(`${k}e${power}`), text: name(k, power) }));
}

// The ticks of the lower axis as they fit side by side: fewer of them, or turned. {ticks, turn: 0, 45 or 90, room: pixels below}.
// each: pixels that a tick would like to have.
export function lowerTicks(axis, size, each = 50) {
  const named = Boolean(axis.spec.tickvals);
  let ticks = [],
    wide = 0,
    pitch = 0;
  for (let count = Math.max(2, Math.min(9, Math.round(Math.abs(axis.to - axis.from) / each))); count >= 1; count--) {
    ticks = axis.ticks(count);
    wide = Math.max(0, ...ticks.map(({ text }) => widthOf(text, size)));
    pitch = pitchOf(ticks, axis);
    if (named || wide + 12 <= pitch) break;
  }
  if (wide + 6 <= pitch) return { ticks, turn: 0, room: 20 };
  if (!named || axis.spec.tickangle === 0 || wide < 3 * size)
    return { ticks: everyNth(ticks, (wide + 8) / pitch), turn: 0, room: 20 };
  const turn = pitch >= 17 ? 45 : 90;
  const long = Math.min(wide, 110);
  return { ticks: everyNth(ticks, (size + 3) / pitch), turn, long, room: turn === 45 ? 0.71 * long + 16 : long + 12 };
}

export function sideTicks(axis, size) {
  const ticks = axis.ticks(Math.max(2, Math.min(8, Math.round(Math.abs(axis.to - axis.from) / 42))));
  return everyNth(ticks, (size + 2) / pitchOf(ticks, axis));
}

function pitchOf(ticks, axis) {
  const places = ticks.map(({ value }) => axis.place(value));
  return Math.min(Infinity, ...places.slice(1).map((place, i) => Math.abs(place - places[i])));
}

function everyNth(ticks, least) {
  const n = Math.max(1, Math.ceil(least - 0.01));
  return ticks.filter((_, i) => i % n === 0);
}
