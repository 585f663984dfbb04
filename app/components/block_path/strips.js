// What the strips are painted with: the colours of the theme, the way beside them, and a picture file.
import { offer, stopsOf } from "../shared/elements.js";

export function palette(root) {
  const style = getComputedStyle(root);
  const paper = style.getPropertyValue("--paper").trim();
  const scales = Object.fromEntries(["signed", "attention"].map((name) => [name, stopsOf(name, style)]));
  const tables = Object.fromEntries(Object.entries(scales).map(([name, stops]) => [name, colourTable(stops)]));
  return {
    scales,
    tables,
    paper,
    ink: style.getPropertyValue("--ink").trim(),
    font: style.getPropertyValue("--st-font") || "sans-serif",
  };
}

// 511 colours along the stops, each as one 32-bit number.
function colourTable(stops) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 511, height: 1 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const gradient = context.createLinearGradient(0, 0, 511, 0);
  stops.forEach((stop, i) => gradient.addColorStop(i / (stops.length - 1), stop));
  context.fillStyle = gradient;
  context.fillRect(0, 0, 511, 1);
  return new Uint32Array(context.getImageData(0, 0, 511, 1).data.buffer.slice(0));
}

// Signed values run evenly on both sides of 0; weights stand at their square root, as on every map.
function colourOf(value, limit, scale, colours) {
  const share = Math.max(-1, Math.min(1, value / limit));
  return colours.tables[scale][Math.round(scale === "signed" ? 255 + 255 * share : 510 * Math.sqrt(Math.max(0, share)))];
}

// One vector as columns of colour. Where several values share a column, the one farthest from 0 is shown. A zeroed value is the
// colour of 0 with a mark below it.
export function paintStrip(canvas, values, limit, scale, colours, gone) {
  const ratio = window.devicePixelRatio || 1;
  const width = (canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio)));
  canvas.height = Math.round((gone ? 36 : 26) * ratio);
  const row = Object.assign(document.createElement("canvas"), { width, height: 1 });
  const image = row.getContext("2d").createImageData(width, 1);
  const pixels = new Uint32Array(image.data.buffer);
  const context = canvas.getContext("2d");
  context.fillStyle = colours.ink;
  for (let x = 0; x < width; x++) {
    const low = Math.floor((x * values.length) / width);
    const high = Math.max(low + 1, Math.floor(((x + 1) * values.length) / width));
    let strongest = 0,
      away = false;
    for (let i = low; i < high; i++) {
      if (gone?.[i]) away = true;
      else if (Math.abs(values[i]) > Math.abs(strongest)) strongest = values[i];
    }
    pixels[x] = colourOf(strongest, limit, scale, colours);
    if (away) context.fillRect(x, Math.round(30 * ratio), 1, Math.round(6 * ratio));
  }
  row.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(row, 0, 0, width, 1, 0, 0, width, Math.round(26 * ratio));
}

// The residual stream runs straight down; each part reads from it on a branch and its result comes back in the ring.
export function drawRail(svg, root, lines, rows) {
  const spine = 10,
    branch = 32;
  const top = root.getBoundingClientRect().top;
  const places = lines.map(({ box }) => {
    const { top: y, height } = box.getBoundingClientRect();
    return y - top + (height > 80 ? 22 : height / 2);
  });
  svg.setAttribute("width", 44);
  svg.setAttribute("height", root.clientHeight);
  const add = (tag, attributes) => {
    const element = svg.appendChild(document.createElementNS(svg.namespaceURI, tag));
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  };
  svg.replaceChildren();
  const stream = rows.flatMap((row, i) => (row[5] === "spine" || row[5] === "sum" ? [i] : []));
  if (!stream.length) return;
  const stroke = { fill: "none", stroke: "var(--residual)", "stroke-width": 2.4 };
  add("path", { ...stroke, d: `M${spine} ${places[stream[0]]}V${places[stream.at(-1)]}` });
  for (let k = 0; k + 1 < stream.length; k++) {
    const between = rows.slice(stream[k] + 1, stream[k + 1]);
    if (!between.length) continue;
    const [from, to] = [places[stream[k]] + 9, places[stream[k + 1]]];
    const way = `M${spine} ${from}C${spine} ${from + 14} ${branch} ${from + 6} ${branch} ${from + 22}V${to - 22}C${branch} ${to - 4} ${branch - 6} ${to} ${spine + 9} ${to}`;
    add("path", { ...stroke, d: way, "stroke-width": 1.6 });
  }
  rows.forEach(([, , stage, , , place], i) => {
    const colour = `var(--${stage.replace("_", "-")})`;
    const x = place === "branch" ? branch : spine;
    add("circle", {
      cx: x,
      cy: places[i],
      r: place === "sum" ? 9 : 6,
      fill: place === "sum" ? "var(--paper)" : colour,
      stroke: colour,
      "stroke-width": 2,
    });
    if (place === "sum")
      add("path", { ...stroke, "stroke-width": 1.8, d: `M${x - 4.5} ${places[i]}h9M${x} ${places[i] - 4.5}v9` });
  });
}

// Names, strips and figures as a PNG of twice the screen's resolution.
export function savePicture(header, lines, colours, vectors) {
  const row = 58,
    width = 1000,
    name = 210,
    strip = 560;
  const canvas = Object.assign(document.createElement("canvas"), { width: 2 * width, height: 2 * (60 + row * lines.length) });
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  context.fillStyle = colours.paper;
  context.fillRect(0, 0, width, canvas.height);
  const write = (text, x, y, font) => {
    context.font = `${font} ${colours.font}`;
    context.fillStyle = colours.ink;
    context.fillText(text, x, y);
  };
  write(header.title, 20, 32, "600 16px");
  lines.forEach((_, i) => {
    const y = 54 + row * i;
    const [label, below, , figures, limit, , , , scale] = header.rows[i];
    write(label, 20, y + 18, "600 14px");
    write(below, 20, y + 36, "12px");
    const own = document.createElement("canvas");
    Object.defineProperty(own, "clientWidth", { value: strip });
    paintStrip(own, vectors(i)[0], limit, scale, colours, vectors(i)[1]);
    context.drawImage(own, name, y + 6, strip, vectors(i)[1] ? 36 : 26);
    write(figures.map((figure, k) => `${header.columns[k]} ${figure}`).join("   "), name + strip + 16, y + 24, "12px");
  });
  canvas.toBlob((blob) => offer(blob, `${header.title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.png`));
}
