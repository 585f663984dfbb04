// The figure as a file of its own: SVG, or the same as PNG. Colours and sizes that the page's style gives are written down.
import { svg } from "../shared/elements.js";

const AIR = 16; // pixels around the figure

// A colour as every reader of SVG knows it.
function paintOf(colour) {
  const mixed = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)/.exec(colour);
  if (mixed)
    return `rgb(${mixed
      .slice(1)
      .map((part) => Math.round(255 * part))
      .join(", ")})`;
  return /^rgba\(.*, 0\)$/.test(colour) ? "none" : colour;
}

export function write(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

export function standAlone(svgElement, canvas, fontFace = "") {
  const copy = svgElement.cloneNode(true);
  const painted = (root) => [...root.querySelectorAll("text, path, line, rect, circle")].filter((e) => !e.closest("clipPath"));
  const shown = painted(svgElement);
  painted(copy).forEach((element, i) => {
    const { fill, stroke, fontSize, fontWeight } = getComputedStyle(shown[i]);
    const gradient = (element.getAttribute("fill") ?? "").startsWith("url");
    element.removeAttribute("style");
    if (!gradient) write(element, { fill: paintOf(fill) });
    // A text's halo is left out: a reader that does not know `paint-order` would draw it over the text.
    write(
      element,
      element.tagName === "text"
        ? { stroke: "none", "font-size": fontSize, "font-weight": fontWeight }
        : { stroke: paintOf(stroke) },
    );
  });
  copy.querySelectorAll(".point, .screen").forEach((mark) => mark.remove());
  const style = getComputedStyle(svgElement);
  const [width, height] = [svgElement.clientWidth + 2 * AIR, svgElement.clientHeight + 2 * AIR];
  const sheet = { x: -AIR, y: -AIR, width, height };
  write(copy, { width, height, viewBox: Object.values(sheet).join(" "), "font-family": style.fontFamily });
  const behind = [svg("rect", { ...sheet, fill: paintOf(style.getPropertyValue("--paper")) })];
  if (!canvas.hidden) {
    const { left, top, width: wide, height: high } = canvas.style;
    const place = { x: parseFloat(left), y: parseFloat(top), width: parseFloat(wide), height: parseFloat(high) };
    behind.push(svg("image", { ...place, href: canvas.toDataURL() }));
  }
  copy.prepend(...(fontFace ? [svg("style", {}, fontFace)] : []), ...behind);
  return new XMLSerializer().serializeToString(copy);
}

// The page's font, for the PNG: a picture of an SVG sees no font but its own.
async function fontFaceOf(family) {
  const name = family.split(",")[0].replaceAll('"', "").trim();
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (
        !(rule instanceof CSSFontFaceRule) ||
        rule.style.fontFamily.replaceAll('"', "") !== name ||
        rule.style.fontStyle === "italic"
      )
        continue;
      const address = /url\("?([^")]+)/.exec(rule.style.src)?.[1];
      const bytes = new Uint8Array(await (await fetch(new URL(address, sheet.href ?? document.baseURI))).arrayBuffer());
      const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
      return `@font-face { font-family: "${name}"; font-weight: 200 900; src: url("data:font/woff2;base64,${btoa(text)}"); }`;
    }
  }
  return "";
}

export async function pngOf(svgElement, canvas) {
  const image = new Image();
  const text = standAlone(svgElement, canvas, await fontFaceOf(getComputedStyle(svgElement).fontFamily));
  image.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  await image.decode();
  const sheet = Object.assign(document.createElement("canvas"), {
    width: 2 * image.naturalWidth,
    height: 2 * image.naturalHeight,
  });
  sheet.getContext("2d").drawImage(image, 0, 0, sheet.width, sheet.height);
  URL.revokeObjectURL(image.src);
  return new Promise((done) => sheet.toBlob(done));
}
