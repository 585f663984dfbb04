// A map of coloured cells, on a canvas under the SVG, and the bar that says what the colours stand for.

import { svg } from "../shared/elements.js";
import { Axis, lowerTicks } from "./axes.js";

function colourTable(stops) {
  const rgbs = stops.map(([, colour]) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)));
  return Array.from({ length: 256 }, (_, level) => {
    const share = level / 255;
    const i = Math.max(
      1,
      stops.findIndex(([place], k) => k && place >= share),
    );
    const part = (share - stops[i - 1][0]) / (stops[i][0] - stops[i - 1][0] || 1);
    return `rgb(${rgbs[i - 1].map((low, k) => Math.round(low + part * (rgbs[i][k] - low))).join(" ")})`;
  });
}

export function paintHeat(canvas, trace, x, y, left, top, width, height, background) {
  const scale = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  const context = canvas.getContext("2d");
  context.fillStyle = background ?? "transparent";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const { z, zmin, zmax, colorscale, xgap = 0, ygap = 0 } = trace;
  const colours = colourTable(colorscale);
  const edges = (axis, n, start, gap) =>
    Array.from({ length: n }, (_, i) => {
      const [a, b] = [axis.place(i - 0.5) - start, axis.place(i + 0.5) - start].sort((p, q) => p - q);
      return [
        Math.round((a + gap / 2) * scale),
        Math.max(Math.round((b - gap / 2) * scale), Math.round((a + gap / 2) * scale) + 1),
      ];
    });
  const columns = edges(x, z[0].length, left, xgap);
  edges(y, z.length, top, ygap).forEach(([upper, lower], row) => {
    columns.forEach(([from, to], column) => {
      const value = z[row][column];
      if (value === null) return;
      context.fillStyle = colours[Math.max(0, Math.min(255, Math.round((255 * (value - zmin)) / (zmax - zmin))))];
      context.fillRect(from, upper, to - from, lower - upper);
    });
  });
}

export function cellSpot(trace, x, y, row, column) {
  const sides = [x.place(column - 0.5), x.place(column + 0.5), y.place(row - 0.5), y.place(row + 0.5)];
  const box = [
    Math.min(sides[0], sides[1]),
    Math.min(sides[2], sides[3]),
    Math.max(sides[0], sides[1]),
    Math.max(sides[2], sides[3]),
  ];
  return { x: (box[0] + box[2]) / 2, y: box[1], box, trace, index: [row, column] };
}

export const BAR_HEIGHT = 40; // pixels: the colours, their ticks, and the air above them

export function drawColourBar({ colorbar, colorscale, zmin, zmax }, left, top, width) {
  const axis = new Axis("x", { xaxis: { range: [zmin, zmax], ...colorbar } }, []);
  axis.span(left, left + width);
  axis.slack = 0.01; // 0.9996 may be called 1
  const { ticks } = lowerTicks(axis, 12, 36);
  const stops = colorscale.map(([place, colour]) => svg("stop", { offset: place, "stop-color": colour }));
  return [
    svg("defs", {}, svg("linearGradient", { id: "colours" }, ...stops)),
    svg("rect", { x: left, y: top + 10.5, width, height: 10, fill: "url(#colours)", class: "edge" }),
    svg(
      "g",
      { class: "ticks", "text-anchor": "middle" },
      ...ticks.map(({ value, text }) => svg("text", { x: axis.place(value), y: top + 34 }, text)),
    ),
  ];
}
