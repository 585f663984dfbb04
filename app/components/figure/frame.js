// The whole picture at one width: heading, axes, marks, legend. Returns the nodes of the SVG and what the pointer can find.

import { svg } from "../shared/elements.js";
import { Axis, lowerTicks, sideTicks } from "./axes.js";
import { BAR_HEIGHT, drawColourBar, paintHeat } from "./heat.js";
import { arrangeBars, drawBars, drawScatter, SYMBOLS, strokeOf } from "./marks.js";
import { fitted, lines, plain, widthOf, wrapped } from "./text.js";

const TITLE_LINE = 21,
  TICK = 12,
  LEGEND_LINE = 26; // pixels, as in app/charts/frame.py
const CORNER = 44; // pixels of the heading's lines that are left to the menu or the toolbar

export function picture({ data, layout }, width, hidden, canvas) {
  const shown = data.filter((trace) => !hidden.has(trace.name));
  arrangeBars(shown, layout);
  const x = new Axis("x", layout, shown),
    y = new Axis("y", layout, shown);
  const heat = shown.find(({ type }) => type === "heatmap");
  const crowd = shown.some(isCrowd);
  const heading = headingLines(layout.title?.text, width);
  const legend = layout.showlegend
    ? legendRows(
        data.filter((trace) => trace.showlegend !== false),
        width,
      )
    : [];
  const above = layout.legend?.yanchor === "top";
  const colours = heat?.colorbar ? BAR_HEIGHT : 0;
  const box = place(
    x,
    y,
    layout,
    heading.length + crowd,
    width,
    colours + (above ? 0 : LEGEND_LINE * legend.length),
    above ? legend.length : 0,
  );
  const spots = [],
    texts = [],
    taken = [];
  const drawn = { bar: drawBars, scatter: drawScatter, heatmap: () => [] };
  const marks = shown.flatMap((trace) => drawn[trace.type](trace, x, y, spots, texts, taken));
  canvas.hidden = !heat;
  const labels = texts.flatMap((write) => write());
  const note = crowd ? saysLabelled(labels.length, spots.length) : [];
  const [wide, high] = [box.right - box.left, box.bottom - box.top];
  if (heat) paintHeat(canvas, heat, x, y, box.left, box.top, wide, high, layout.plot_bgcolor);
  const shapes = (layout.shapes ?? []).map((shape) => [shape.layer === "below", drawShape(shape, x, y)]);
  const side = above ? box.top - LEGEND_LINE * legend.length - 4 : box.below + colours;
  const nodes = [
    svg("clipPath", { id: "plot" }, svg("rect", { x: box.left - 2, y: box.top - 2, width: wide + 4, height: high + 4 })),
    svg("g", {}, ...heading.map(({ text, name }, i) => svg("text", { x: 2, y: 18 + TITLE_LINE * i, class: name }, text))),
    ...(crowd
      ? [
          svg(
            "text",
            { x: 2, y: 18 + TITLE_LINE * heading.length, class: "small" },
            note[0],
            svg("tspan", { class: "screen" }, note[1]),
          ),
        ]
      : []),
    ...drawAxes(x, y, box),
    ...shapes.filter(([below]) => below).map(([, node]) => node),
    svg("g", { class: "marks" }, ...marks.filter(isUnder), ...marks.filter((mark) => !isUnder(mark)), ...labels),
    ...shapes.filter(([below]) => !below).map(([, node]) => node),
    ...(layout.annotations ?? []).map((note) => drawAnnotation(note, x, y)),
    ...(heat?.colorbar ? drawColourBar(heat, 14, box.below, Math.min(360, Math.max(160, width / 2 - 14))) : []),
  ];
  return {
    nodes,
    note: note.join(""),
    legend: drawLegend(legend, side, hidden),
    spots,
    heat: heat && { trace: heat, x, y },
    named: { x: x.spec, y: y.spec },
    box,
  };
}

// Whose labels make room for each other, so that some may be missing: the figure says how many. The line is there even if none is.
const isCrowd = ({ mode, textposition }) => mode?.includes("text") && textposition === "top center";

// In two parts: the second says what can be done on the screen, and not in a file.
function saysLabelled(labels, points) {
  return labels < points
    ? [`${labels} of ${points} points are labelled`, "; point at the others."]
    : [`All ${points} points are labelled.`, ""];
}

const isUnder = (mark) => mark.getAttribute("class") === "under";

function headingLines(markup, width) {
  const [title, small] = [[], []];
  for (const [text, kind] of lines(markup).flat()) (kind === "small" ? small : title).push(text);
  const all = (parts, size, weight) => (parts.length ? wrapped(parts.join(" "), size, weight, width - CORNER) : []);
  const named = (name, texts) => texts.map((text) => ({ text, name }));
  return [...named("title", all(title, 16, 600)), ...named("small", all(small, 13, 400))];
}

// The plot gets what heading, ticks, titles, colour bar and legend leave; {left, right, top, bottom, below: where the axis title ends}.
// feet: pixels below the axis title; rows: of a legend above the plot.
export function place(x, y, layout, headingHeight, width, feet, rows) {
  const told = lines(layout.title?.text).length;
  const head = rows ? 16 + TITLE_LINE * told + LEGEND_LINE * rows : layout.margin.t; // as app/charts/frame.py reckons it
  const top = head + TITLE_LINE * (headingHeight - told);
  y.span(layout.height - layout.margin.b, top);
  y.shown = sideTicks(y, TICK).map((tick) => ({ ...tick, text: fitted(tick.text, TICK, 0.38 * width) }));
  const wide = Math.max(0, ...y.shown.map(({ text }) => widthOf(text, TICK)));
  const left = Math.ceil(wide) + 10 + (y.title ? 24 : 0);
  x.span(left, width - 18);
  x.shown = lowerTicks(x, TICK);
  const last = x.shown.ticks.at(-1);
  if (last && !x.shown.turn) x.span(left, Math.min(width - 18, width - 2 - widthOf(last.text, TICK) / 2));
  const foot = x.shown.room + (x.title ? 24 : 4);
  const bottom = layout.height - feet - foot - 4;
  y.span(bottom, top);
  return { left, right: x.to, top, bottom, below: bottom + foot, width };
}

function drawAxes(x, y, { left, right, top, bottom, below, width }) {
  const grid = (axis, line) => (axis.spec.showgrid === false ? [] : line);
  const { ticks, turn, long } = x.shown;
  const lines = [
    ...grid(
      x,
      ticks.map(({ value }) => ["grid", x.place(value), top, x.place(value), bottom]),
    ),
    ...grid(
      y,
      y.shown.map(({ value }) => ["grid", left, y.place(value), right, y.place(value)]),
    ),
    ...zeroLine(x, (at) => ["zero", at, top, at, bottom]),
    ...zeroLine(y, (at) => ["zero", left, at, right, at]),
  ];
  const lower = ticks.map(({ value, text }) => {
    const at = x.place(value);
    if (!turn) return svg("text", { x: at, y: bottom + 17, "text-anchor": "middle" }, text);
    return svg(
      "text",
      { "text-anchor": "end", transform: `translate(${at + 4},${bottom + 10}) rotate(${-turn})` },
      fitted(text, TICK, long),
    );
  });
  const side = y.shown.map(({ value, text }) =>
    svg("text", { x: left - 6, y: y.place(value), dy: "0.35em", "text-anchor": "end" }, text),
  );
  const middle = (from, to, text, room) =>
    Math.max(widthOf(text, 13) / 2 + 2, Math.min(room - widthOf(text, 13) / 2 - 2, (from + to) / 2));
  return [
    svg("g", { class: "lines" }, ...lines.map(([name, x1, y1, x2, y2]) => svg("line", { class: name, x1, y1, x2, y2 }))),
    svg("g", { class: "ticks x" }, ...lower),
    svg("g", { class: "ticks y" }, ...side),
    svg(
      "g",
      { class: "axis-titles" },
      svg("text", { x: middle(left, right, x.title, width), y: below - 5, "text-anchor": "middle" }, x.title),
      svg(
        "text",
        { "text-anchor": "middle", transform: `translate(14,${middle(top, bottom, y.title, below)}) rotate(-90)` },
        y.title,
      ),
    ),
  ];
}

function zeroLine(axis, line) {
  const outside = Math.min(axis.low, axis.high) > 0 || Math.max(axis.low, axis.high) < 0;
  return axis.log || axis.spec.zeroline === false || outside ? [] : [line(axis.place(0))];
}

function drawShape({ type, x0, x1, y0, y1, xref, yref, line = {}, fillcolor, opacity }, x, y) {
  const [left, right, upper, lower] = [x.at(x0, xref), x.at(x1, xref), y.at(y0, yref), y.at(y1, yref)];
  const ink = { ...strokeOf(line), opacity, class: "shape" };
  if (type === "line") return svg("line", { x1: left, x2: right, y1: upper, y2: lower, ...ink });
  const size = {
    x: Math.min(left, right),
    y: Math.min(upper, lower),
    width: Math.abs(right - left),
    height: Math.abs(lower - upper),
  };
  return svg("rect", { ...size, fill: fillcolor ?? "none", ...ink });
}

// A text at a place; on a logarithmic axis that place is written as a power.
function drawAnnotation(
  { text, font = {}, xref, yref, xanchor = "center", yanchor = "middle", xshift = 0, yshift = 0, ...at },
  x,
  y,
) {
  const number = (axis, value, reference) =>
    axis.at(axis.log && !/domain|paper/.test(reference ?? "") ? 10 ** value : value, reference);
  const size = font.size ?? 12;
  const down = { bottom: -4, middle: 0.35 * size, top: size }[yanchor] ?? 0.35 * size;
  const anchor = { left: "start", right: "end" }[xanchor] ?? "middle";
  const style = font.color && `fill: ${font.color}`;
  const place = { x: number(x, at.x, xref) + xshift, y: number(y, at.y, yref) + down - yshift, "text-anchor": anchor };
  return svg("text", { ...place, "font-size": size, style, class: "note" }, plain(text));
}

function legendRows(traces, width) {
  const rows = [];
  let used = Infinity;
  for (const trace of traces) {
    const text = fitted(plain(trace.name), 14, width - 44);
    const key = trace.mode?.includes("lines") ? 38 : 22; // pixels of line or mark, before the name
    const wide = key + widthOf(text, 14);
    if (used + wide > width) rows.push([]), (used = 0);
    rows.at(-1).push({ trace, text, left: used, key, wide });
    used += wide + 20;
  }
  return rows;
}

function drawLegend(rows, top, hidden) {
  return rows.flatMap((row, i) =>
    row.map(({ trace, text, left, key, wide }) => {
      const on = !hidden.has(trace.name);
      const middle = top + LEGEND_LINE * (i + 0.5) + 2;
      const name = svg("text", { x: left + key, y: middle, dy: "0.35em", class: "soft" }, text);
      const room = svg("rect", { x: left, y: middle - 12, width: wide + 2, height: 24, class: "room" });
      const item = svg("g", {
        class: "item",
        role: "button",
        tabindex: 0,
        "aria-pressed": on,
        "aria-label": `show ${text}`,
        opacity: on ? 1 : 0.4,
      });
      item.append(room, ...swatch(trace, left + 1, middle), name);
      item.name = trace.name;
      return item;
    }),
  );
}

function swatch(trace, left, middle) {
  const { color, opacity, symbol, size = 6 } = trace.marker ?? {};
  if (trace.type === "bar")
    return [svg("rect", { x: left, y: middle - 6, width: 14, height: 12, rx: 2, fill: color, "fill-opacity": opacity })];
  const line = svg("path", { d: `M${left},${middle}h30`, fill: "none", ...strokeOf(trace.line ?? {}) });
  const mark = svg("path", {
    d: (SYMBOLS[symbol] ?? SYMBOLS.circle)(left + (trace.mode.includes("lines") ? 15 : 7), middle, size / 2),
    fill: color,
  });
  return [...(trace.mode.includes("lines") ? [line] : []), ...(trace.mode.includes("markers") ? [mark] : [])];
}
