// Values as levels, levels as colours, and what both views share: canvas, legend, picture file.

import { inkOn, make, offer, stopsOf } from "../shared/elements.js";
import { finePercent, significant } from "../shared/numbers.js";

// Levels 0 to 254 run along the colour scale; 255 is what is left out, such as the future. As `levels` in __init__.py.
export const LEFT_OUT = 255;

export function levelOf(value, scale, top) {
  if (Number.isNaN(value)) return LEFT_OUT;
  const share = value / top;
  return scale === "signed"
    ? Math.round(127 + 127 * Math.max(-1, Math.min(1, share)))
    : Math.round(254 * Math.sqrt(Math.max(0, Math.min(1, share))));
}

// Whether a value lies beyond an end of the colour scale. As `_beyond` in __init__.py.
export const isBeyond = (value, top) => Math.abs(value) > top * (1 + 1e-6);

export function valueAt(level, scale, top) {
  if (level === LEFT_OUT) return NaN;
  return scale === "signed" ? ((level - 127) / 127) * top : (level / 254) ** 2 * top;
}

// The theme as a canvas needs it: resolved colours, fonts, and 256 colours of the scale as one 32-bit number each. The palette
// from before comes back as it is where the theme and the scale are still the same: `key` tells.
export function palette(root, scale, before) {
  const names = ["paper", "card", "ink", "soft", "line", "attention", "cut"];
  const probe = make("div"); // with a child for each colour, so that the browser works out its styles once
  for (const name of names) probe.appendChild(make("i")).style.color = `var(--${name})`;
  root.append(probe);
  const colours = Object.fromEntries(names.map((name, i) => [name, getComputedStyle(probe.children[i]).color]));
  const style = getComputedStyle(probe);
  const stops = stopsOf(scale, style);
  colours.sans = style.getPropertyValue("--st-font") || "sans-serif";
  colours.mono = style.getPropertyValue("--mono") || "monospace";
  probe.remove();
  const key = JSON.stringify([colours, stops]);
  return key === before?.key ? before : { key, ...colours, ...colourTable(stops, colours.card) };
}

function colourTable(stops, card) {
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const ends = stops.map(rgb);
  const rgbs = [];
  for (let level = 0; level < LEFT_OUT; level++) {
    const place = (level / 254) * (ends.length - 1);
    const i = Math.min(Math.floor(place), ends.length - 2);
    rgbs.push(ends[i].map((low, k) => Math.round(low + (place - i) * (ends[i + 1][k] - low))));
  }
  rgbs.push(rgb(card));
  return {
    css: rgbs.map((c) => `rgb(${c.join(" ")})`),
    table: Uint32Array.from(rgbs, ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0),
    inks: rgbs.map(inkOn), // of text on each
  };
}

// Levels as an image of one pixel a cell. `place(i)` says where in the image level i stands, if not in its own order.
export function levelImage(levels, width, height, table, place) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < levels.length; i++) pixels[place ? place(i) : i] = table[levels[i]];
  context.putImageData(image, 0, 0);
  return canvas;
}

// Cells wide enough for lines between them; a dot on those beyond the colour scale, of which their colour says too little.
export function paintCells(context, { levels, exact, colours, header, grid: { cols, left, top, cellWidth, cellHeight } }) {
  const [width, height] = [cellWidth - 1, cellHeight - 1];
  levels.forEach((level, i) => {
    if (level === LEFT_OUT) return;
    const [x, y] = [left + (i % cols) * cellWidth, top + Math.floor(i / cols) * cellHeight];
    context.fillStyle = colours.css[level];
    context.fillRect(x, y, width, height);
    if (!exact || !isBeyond(exact[i], header.top)) return;
    context.fillStyle = colours.inks[level];
    context.beginPath();
    context.arc(x + width / 2, y + height / 2, Math.min(2.5, width / 5, height / 5), 0, 2 * Math.PI);
    context.fill();
  });
}

// Levels with several cells (block: across, down) in one: the strongest (of signed values the farthest from 0), so that none is lost to an average.
export function strongest(levels, rows, cols, block, scale) {
  const [across, down] = block;
  if (across * down === 1) return { levels, rows, cols };
  const out = { rows: Math.ceil(rows / down), cols: Math.ceil(cols / across) };
  out.levels = new Uint8Array(out.rows * out.cols).fill(LEFT_OUT);
  const zero = scale === "signed" ? 127 : 0;
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i];
    if (level === LEFT_OUT) continue;
    const col = i % cols;
    const at = Math.floor((i - col) / cols / down) * out.cols + Math.floor(col / across);
    if (out.levels[at] === LEFT_OUT || Math.abs(level - zero) > Math.abs(out.levels[at] - zero)) out.levels[at] = level;
  }
  return out;
}

// A canvas of a size in CSS pixels, sharp on this screen; returns its context, with CSS pixels as units.
export function sized(canvas, width, height, scale = window.devicePixelRatio || 1) {
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}

export const LEGEND = { width: 280, height: 46 };

// The scale's bar with its title above and ticks below. Probabilities stand at their square root, as their colours do. Where values lie
// beyond an end, its tick says so.
export function drawLegend(
  context,
  colours,
  { scale, top, unit, value_title: title, beyond = [] },
  x = 0,
  y = 0,
  block = [1, 1],
) {
  const shown =
    (unit && unit !== "%" ? `${title} (${unit})` : title) +
    (Math.max(...block) > 1 ? `; a dot: the strongest of ${block.join(" × ")}` : "");
  const ticks = scale === "signed" ? [-1, -0.5, 0, 0.5, 1] : [0, 0.01, 0.1, 0.25, 0.5, 1];
  const left = x + 18,
    width = LEGEND.width - 42;
  context.fillStyle = colours.soft;
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.font = `12px ${colours.sans}`;
  context.fillText(shown, x, y + 11);
  for (let i = 0; i < width; i++) {
    context.fillStyle = colours.css[Math.round((i / (width - 1)) * 254)];
    context.fillRect(left + i, y + 17, 1.5, 9);
  }
  context.strokeStyle = colours.line;
  context.strokeRect(left - 0.5, y + 16.5, width + 1, 10);
  context.fillStyle = colours.soft;
  context.font = `12px ${colours.sans}`;
  for (const tick of ticks) {
    const place = scale === "signed" ? (tick + 1) / 2 : Math.sqrt(tick);
    const text = unit === "%" ? finePercent(tick * top) : significant(tick * top);
    const [low, high] = [place === 0 && beyond[0], place === 1 && beyond[1]];
    context.textAlign = low ? "left" : high ? "right" : "center";
    context.fillText(`${low ? "≤ " : high ? "≥ " : ""}${text}`, low ? x : high ? x + LEGEND.width : left + place * width, y + 39);
  }
}

// A picture file of twice the screen's resolution: title, what `paint` draws, legend.
export function savePng(colours, header, width, height, scale, paint) {
  const margin = 20,
    head = 34;
  const canvas = document.createElement("canvas");
  const whole = Math.max(width, LEGEND.width) + 2 * margin;
  const context = sized(canvas, whole, head + height + 16 + LEGEND.height + 2 * margin, scale);
  context.fillStyle = colours.paper;
  context.fillRect(0, 0, whole, canvas.height);
  context.fillStyle = colours.ink;
  context.font = `600 15px ${colours.sans}`;
  context.textBaseline = "alphabetic";
  context.fillText(header.title, margin, margin + 15, whole - 2 * margin);
  context.save();
  context.translate(margin, margin + head);
  const block = paint(context);
  context.restore();
  drawLegend(context, colours, header, margin, margin + head + height + 16, block);
  canvas.toBlob((blob) => offer(blob, `${header.name}.png`));
}
