// The figure as a file of its own: SVG, or the same as PNG. Colours and sizes that the page's style gives are written down.
function paintOf(colour) {
  const mixed = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)/.exec(colour);
  return mixed ? `rgb(${mixed.slice(1).map((part) => Math.round(255 * part)).join(", ")})` : colour;
}

function standAlone(svgElement, canvas, fontFace = "") {
  const copy = svgElement.cloneNode(true);
  copy.querySelectorAll(".point").forEach((mark) => mark.remove());
  const [from, to] = [svgElement, copy].map((root) => [...root.querySelectorAll("text, path, line, rect:not(.point)")].filter((e) => !e.closest("clipPath")));
  from.forEach((element, i) => {
    const { fill, stroke, fontSize, fontWeight } = getComputedStyle(element);
    to[i].removeAttribute("style");
    const url = (element.getAttribute("fill") ?? "").startsWith("url") ? element.getAttribute("fill") : paintOf(fill);
    const own = { fill: url, stroke: paintOf(stroke), ...(element.tagName === "text" ? { "font-size": fontSize, "font-weight": fontWeight } : {}) };
    for (const [name, value] of Object.entries(own)) to[i].setAttribute(name, value);
  });
  const style = getComputedStyle(svgElement);
  const [width, height] = [svgElement.clientWidth, svgElement.clientHeight];
  for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, "font-family": style.fontFamily })) copy.setAttribute(name, value);
  const { left, top, width: wide, height: high } = canvas.style;
  const back = [svg("rect", { width, height, fill: paintOf(style.getPropertyValue("--paper")) })];
  if (!canvas.hidden) back.push(svg("image", { x: parseFloat(left), y: parseFloat(top), width: parseFloat(wide), height: parseFloat(high), href: canvas.toDataURL() }));
  if (fontFace) back.unshift(svg("style", {}, fontFace));
  copy.prepend(...back);
  return new XMLSerializer().serializeToString(copy);
}

// The page's font, for the PNG: a picture of an SVG sees no font but its own.
async function fontFaceOf(family) {
  const name = family.split(",")[0].replaceAll('"', "").trim();
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (!(rule instanceof CSSFontFaceRule) || rule.style.fontFamily.replaceAll('"', "") !== name || rule.style.fontStyle === "italic") continue;
      const address = /url\("?([^")]+)/.exec(rule.style.src)?.[1];
      const bytes = new Uint8Array(await (await fetch(new URL(address, sheet.href ?? document.baseURI))).arrayBuffer());
      const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
      return `@font-face { font-family: "${name}"; font-weight: 200 900; src: url("data:font/woff2;base64,${btoa(text)}"); }`;
    }
  }
  return "";
}

async function pngOf(svgElement, canvas) {
  const image = new Image();
  const text = standAlone(svgElement, canvas, await fontFaceOf(getComputedStyle(svgElement).fontFamily));
  image.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  await image.decode();
  const sheet = Object.assign(document.createElement("canvas"), { width: 2 * svgElement.clientWidth, height: 2 * svgElement.clientHeight });
  sheet.getContext("2d").drawImage(image, 0, 0, sheet.width, sheet.height);
  URL.revokeObjectURL(image.src);
  return new Promise((done) => sheet.toBlob(done));
}

function offer(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
