// The curves as a figure at one place of x, in plotly's terms, as app/charts makes figures: lines, marks, and the numbers above them.
import { fixed } from "../shared/numbers.js";

const PLOT = 300,
  TITLE = 34,
  LINE = 23,
  AXIS = 52; // pixels
const COLUMNS = [216, 326]; // pixels from the plot's left, where the numbers end
const NARROW = [190, 278];

// The values that must be seen. The range stays as it is while the factor moves between two whole numbers.
export function reach(rows, factor) {
  const whole = Math.sign(factor) * Math.ceil(Math.abs(factor));
  let [low, high] = [-0.2, 1];
  for (const { values, slopes, scaled } of rows) {
    for (const value of [...values, ...slopes]) {
      const shown = scaled ? whole * value : value;
      if (shown < low) low = shown;
      if (shown > high) high = shown;
    }
  }
  const room = 0.06 * (high - low);
  return [low - room, high + room];
}

// reader: {rows, low, step, title, alt, name, colours}; readings: name, colour, value and slope of each curve at x[index].
export function curves(reader, readings, index, factor, width) {
  const { rows, low, step, title, alt, name, colours } = reader;
  const many = rows[0]?.values.length ?? 2;
  const xs = Array.from({ length: many }, (_, i) => low + step * i);
  const x = xs[index];
  const top = TITLE + LINE * (rows.length + 1) + 16;
  return {
    name,
    data: [
      ...rows.flatMap((row) => lines(row, xs, row.scaled ? factor : 1)),
      ...readings.flatMap((reading) => marks(reading, x, colours)),
    ],
    layout: {
      title: { text: title },
      meta: { alt },
      height: top + PLOT + AXIS,
      margin: { t: top, b: 0 },
      xaxis: { title: { text: "x" }, range: [xs[0], xs.at(-1)] },
      yaxis: { range: reach(rows, factor) },
      shapes: [{ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color: colours.line, width: 1.5 } }],
      annotations: readout(readings, x, colours, width),
    },
  };
}

function lines({ colour, values, slopes }, xs, times) {
  const line = (list, style) => ({
    type: "scatter",
    mode: "lines",
    hoverinfo: "skip",
    x: xs,
    y: Array.from(list, (value) => times * value),
    line: { color: colour, ...style },
  });
  return [line(slopes, { width: 1.8, dash: "dot" }), line(values, { width: 2.6 })];
}

function marks({ colour, value, slope }, x, { paper }) {
  const mark = (y, symbol, color, edge) => ({
    type: "scatter",
    mode: "markers",
    hoverinfo: "skip",
    x: [x],
    y: [y],
    marker: { symbol, size: 11, color, line: { color: edge, width: 2 } },
  });
  return [mark(slope, "diamond", paper, colour), mark(value, "circle", colour, paper)];
}

// A line of numbers for each curve; they serve as the legend too.
function readout(readings, x, { ink, soft }, width) {
  const columns = width < 420 ? NARROW : COLUMNS;
  const note = (text, line, xanchor, xshift, color, size = 14) => ({
    text,
    xref: "paper",
    x: 0,
    yref: "paper",
    y: 1,
    yanchor: "bottom",
    yshift: LINE * (readings.length - line) + 12,
    xanchor,
    xshift,
    font: { color, size },
  });
  return [
    note(`x = ${fixed(x, 2)}`, 0, "left", 0, ink),
    note("● value, solid", 0, "right", columns[0], soft, 13),
    note("◇ slope, dotted", 0, "right", columns[1], soft, 13),
    ...readings.flatMap(({ name, colour, value, slope }, i) => [
      note(name, i + 1, "left", 0, colour),
      note(fixed(value, 3), i + 1, "right", columns[0], ink),
      note(fixed(slope, 3), i + 1, "right", columns[1], ink),
    ]),
  ];
}
