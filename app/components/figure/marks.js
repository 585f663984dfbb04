// What stands in the plot. Each mark leaves a spot, {x, y, hit: [left, top, right, bottom], trace, index}, for the pointer and the keys.

import { svg } from "../shared/elements.js";
import { fitted, plain, widthOf } from "./text.js";

const pick = (value, i) => (Array.isArray(value) ? value[i] : value);
const isUpright = (bar) => bar.orientation !== "h";

// Where bars stand side by side, in units of their axis: {middle, size} of each.
export function arrangeBars(traces, { barmode = "group", bargap = 0.2, bargroupgap = 0 }) {
  const bars = traces.filter(({ type }) => type === "bar");
  for (const bar of bars) {
    const at = isUpright(bar) ? bar.x : bar.y;
    const sorted = [...new Set(at)].sort((a, b) => a - b);
    const unit = Math.min(1 / 0, ...sorted.slice(1).map((v, i) => v - sorted[i]));
    const whole = (Number.isFinite(unit) ? unit : 1) * (1 - bargap);
    const lane = barmode === "group" ? whole / bars.length : whole;
    const shift = barmode === "group" ? (bars.indexOf(bar) - (bars.length - 1) / 2) * lane : 0;
    bar.lanes = at.map((v, i) => ({ middle: v + (bar.width ? 0 : shift), size: pick(bar.width, i) ?? lane * (1 - bargroupgap) }));
  }
}

// What a trace asks of an axis: values that must be seen, room beyond them, and whether 0 is one of them.
export function reach(trace, letter) {
  if (trace.type === "heatmap") return { values: [-0.5, (letter === "x" ? trace.z[0].length : trace.z.length) - 0.5] };
  if (trace.type === "scatter") return { values: trace[letter], room: letter === "y" || /markers|text/.test(trace.mode) };
  if ((letter === "x") === isUpright(trace))
    return { values: trace.lanes.flatMap(({ middle, size }) => [middle - size / 2, middle + size / 2]) };
  const error = trace[`error_${letter}`]?.array ?? [];
  const from = (i) => trace.base?.[i] ?? 0; // a bar's length counts from its base
  return {
    values: trace[letter].flatMap((v, i) => [from(i), from(i) + v, from(i) + v + (error[i] ?? 0)]),
    zero: true,
    room: true,
  };
}

export function drawBars(trace, x, y, spots) {
  const upright = isUpright(trace);
  const [along, across] = upright ? [x, y] : [y, x];
  const ground = across.log ? across.from : across.place(0);
  const { color, opacity, cornerradius = 0 } = trace.marker;
  const nodes = [];
  let outline = "";
  trace[across.letter].forEach((value, i) => {
    const { middle, size } = trace.lanes[i];
    const base = trace.base ? across.place(trace.base[i]) : ground;
    const tip = across.place((trace.base?.[i] ?? 0) + value);
    if (value === null || !Number.isFinite(tip)) return;
    const [from, to] = [along.place(middle - size / 2), along.place(middle + size / 2)].sort((a, b) => a - b);
    outline += barPath(upright, from, to, base, tip, Math.min(cornerradius, (to - from) / 2, Math.abs(tip - base)));
    const half = (from + to) / 2;
    const ends = [Math.min(y.from, y.to), Math.max(y.from, y.to)];
    spots.push(
      upright
        ? {
            x: half,
            y: tip,
            hit: [from, ends[0], to, ends[1]],
            box: [from, Math.min(tip, base), to, Math.max(tip, base)],
            trace,
            index: [i],
          }
        : {
            x: tip,
            y: half,
            hit: [x.from, from, x.to, to],
            box: [Math.min(tip, base), from, Math.max(tip, base), to],
            trace,
            index: [i],
          },
    );
    if (trace.textposition === "outside" && trace.text) nodes.push(beside(trace, i, upright, half, tip, value < 0));
  });
  nodes.unshift(svg("path", { d: outline, fill: color, "fill-opacity": opacity, class: "bars" }));
  if (opacity < 1) nodes.unshift(svg("path", { d: outline, class: "under" })); // or the grid would shine through
  if (trace.error_x) nodes.push(whiskers(trace, x, y));
  return nodes;
}

function barPath(upright, from, to, base, tip, corner) {
  const r = tip < base ? -corner : corner; // towards the tip
  const turn = corner * (to > from ? 1 : -1);
  const across = (a, b) => (upright ? `${b.toFixed(2)},${a.toFixed(2)}` : `${a.toFixed(2)},${b.toFixed(2)}`);
  return (
    `M${across(base, from)}L${across(tip - r, from)}Q${across(tip, from)} ${across(tip, from + turn)}` +
    `L${across(tip, to - turn)}Q${across(tip, to)} ${across(tip - r, to)}L${across(base, to)}Z`
  );
}

export function beside(trace, i, upright, half, tip, negative) {
  const text = plain(pick(trace.text, i));
  const size = trace.textfont?.size ?? 12;
  const place = upright
    ? { x: half, y: tip + (negative ? size + 2 : -5), "text-anchor": "middle" }
    : { x: tip + (negative ? -5 : 5), y: half, dy: "0.35em", "text-anchor": negative ? "end" : "start" };
  return svg("text", { ...place, "font-size": size, class: "halo" }, text);
}

function whiskers(trace, x, y) {
  const { array, color, thickness = 2, width = 4 } = trace.error_x;
  const d = trace.lanes.map(({ middle }, i) => {
    const [left, right, row] = [x.place(trace.x[i] - array[i]), x.place(trace.x[i] + array[i]), y.place(middle)];
    return `${[left, right].map((end) => `M${end},${row - width}v${2 * width}`).join("")}M${left},${row}H${right}`;
  });
  return svg("path", { d: d.join(""), stroke: color, "stroke-width": thickness, fill: "none" });
}

const DASHES = { solid: [], dot: [1, 1], dash: [3, 3], longdash: [5, 5], dashdot: [3, 1, 1, 1], longdashdot: [5, 2, 1, 2] };
// Each mark as a path around its middle, r from it to its edge.
const polygon =
  (...corners) =>
  (x, y, r) =>
    `M${corners.map(([right, down]) => `${x + right * r},${y + down * r}`).join("L")}Z`;
const ARM = 0.4; // of a cross, half its thickness
const CROSS = [
  [-1.2, -ARM],
  [-ARM, -ARM],
  [-ARM, -1.2],
  [ARM, -1.2],
  [ARM, -ARM],
  [1.2, -ARM],
  [1.2, ARM],
  [ARM, ARM],
  [ARM, 1.2],
  [-ARM, 1.2],
  [-ARM, ARM],
  [-1.2, ARM],
];
export const SYMBOLS = {
  circle: (x, y, r) => `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
  square: polygon([-1, -1], [1, -1], [1, 1], [-1, 1]),
  diamond: polygon([0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]),
  "triangle-up": polygon([0, -1.2], [1.15, 0.6], [-1.15, 0.6]),
  cross: polygon(...CROSS),
  x: polygon(...CROSS.map(([right, down]) => [0.7 * (right - down), 0.7 * (right + down)])),
};

export function strokeOf({ color, width = 2, dash = "solid" }) {
  return {
    stroke: color,
    "stroke-width": width,
    "stroke-dasharray": DASHES[dash].map((k) => k * Math.max(3, width)).join(" ") || undefined,
  };
}

// texts: what is to be written when all marks are there; taken: the boxes of marks and texts.
export function drawScatter(trace, x, y, spots, texts, taken) {
  const points = trace.x
    .map((v, i) => (v === null || trace.y[i] === null ? null : [x.place(v), y.place(trace.y[i])]))
    .map((point) => (point?.every(Number.isFinite) ? point : null));
  const nodes = [];
  if (trace.mode.includes("lines")) {
    const d = points.map((p, i) => (p ? `${points[i - 1] ? "L" : "M"}${p[0].toFixed(2)},${p[1].toFixed(2)}` : "")).join("");
    nodes.push(
      svg("path", {
        d,
        fill: "none",
        "stroke-linejoin": "round",
        ...strokeOf(trace.line ?? {}),
        class: "line",
        "clip-path": "url(#plot)",
      }),
    );
  }
  const mark = trace.marker ?? {};
  const radius = (mark.size ?? 6) / 2;
  if (trace.mode.includes("markers")) {
    const d = points.map((p) => (p ? (SYMBOLS[mark.symbol] ?? SYMBOLS.circle)(...p, radius) : "")).join("");
    nodes.push(
      svg("path", { d, fill: mark.color, stroke: mark.line?.color, "stroke-width": mark.line?.width, class: "markers" }),
    );
  }
  points.forEach((p, i) => {
    if (!p) return;
    const marked = trace.mode.includes("markers");
    if (marked) taken.push([p[0] - radius, p[1] - radius, p[0] + radius, p[1] + radius]);
    if (trace.mode.includes("text") && trace.text?.[i]) {
      const within = [x.from, y.to, x.to + 16, y.from];
      texts[trace.meta?.always ? "unshift" : "push"](() => label(trace, i, p, marked ? radius : 0, within, taken));
    }
    if (trace.hoverinfo !== "skip") spots.push({ x: p[0], y: p[1], hit: [p[0], p[1], p[0], p[1]], trace, index: [i], radius });
  });
  return nodes;
}

// The text of a point, where none stands yet; in a crowd some are left to the pointer, but not one that must be there always.
export function label(trace, i, [x, y], radius, [start, top, end, bottom], taken) {
  const { size = 12, family, color } = trace.textfont ?? {};
  const asked = trace.textposition ?? "middle center";
  const others = asked === "top center" ? ["bottom center", "middle right", "middle left"] : [];
  const whole = plain(trace.text[i]);
  const text = others.length ? fitted(whole, size, end - start) : whole;
  const wide = widthOf(text, size);
  const middle = Math.max(start + wide / 2, Math.min(end - wide / 2, x));
  const places = {
    "top center": [middle, y - radius - 4, "middle"],
    "bottom center": [middle, y + radius + size, "middle"],
    "middle right": [x + radius + 5, y + 0.35 * size, "start"],
    "middle left": [x - radius - 5, y + 0.35 * size, "end"],
    "middle center": [x, y + 0.35 * size, "middle"],
  };
  const found = [asked, ...others].map((name) => {
    const [left, base, anchor] = places[name];
    const from = left - { start: 0, middle: wide / 2, end: wide }[anchor];
    const box = [from - 2, base - 0.8 * size, from + wide + 2, base + 0.2 * size];
    const inside = from >= start && from + wide <= end && box[1] >= top && box[3] <= bottom;
    return {
      left,
      base,
      anchor,
      box,
      covered: !others.length ? 0 : inside ? taken.reduce((sum, one) => sum + overlap(one, box), 0) : Infinity,
    };
  });
  const { left, base, anchor, box, covered } = found.reduce((best, one) => (one.covered < best.covered ? one : best));
  if (covered && !trace.meta?.always) return [];
  taken.push(box);
  const own = { "font-size": size, "font-family": family, style: color && `fill: ${pick(color, i)}` };
  return [svg("text", { x: left, y: base, "text-anchor": anchor, class: radius ? "halo" : undefined, ...own }, text)];
}

// The area that two boxes share.
function overlap(a, b) {
  return Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
}
