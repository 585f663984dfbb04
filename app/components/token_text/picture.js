// A list of chips as a stand-alone SVG, each where it stands on the page, those out of view too.
export function pictureOf(list) {
  const box = list.getBoundingClientRect();
  const [left, top] = [box.left, box.top - list.scrollTop];
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const add = (name, attributes, text = "") => {
    const element = svg.appendChild(document.createElementNS(svg.namespaceURI, name));
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
  };
  const [width, height] = [Math.ceil(box.width), Math.ceil(list.scrollHeight)];
  for (const [key, value] of Object.entries({ xmlns: svg.namespaceURI, width, height, viewBox: `0 0 ${width} ${height}` })) {
    svg.setAttribute(key, value);
  }
  add("rect", { width, height, fill: plainColour(getComputedStyle(list).getPropertyValue("--paper")) });
  for (const chip of list.querySelectorAll(".chip")) {
    const { left: x, top: y, width: w, height: h } = chip.getBoundingClientRect();
    const style = getComputedStyle(chip);
    const corner = Math.min(parseFloat(style.borderTopLeftRadius) || 0, h / 2);
    add("rect", { x: x - left, y: y - top, width: w, height: h, rx: corner, fill: plainColour(style.backgroundColor) });
    for (const part of chip.children) {
      const place = part.getBoundingClientRect();
      const { fontSize, color } = getComputedStyle(part);
      const at = { x: place.left - left + place.width / 2, y: place.top - top + place.height / 2, "text-anchor": "middle" };
      const font = {
        "font-family": "monospace",
        "font-size": fontSize,
        fill: plainColour(color),
        "dominant-baseline": "central",
      };
      add("text", { ...at, ...font }, part.textContent);
    }
  }
  return new XMLSerializer().serializeToString(svg);
}

// Any CSS colour as #rrggbb, which every reader of SVG knows, over white where it is transparent.
function plainColour(colour) {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  for (const fill of ["white", colour]) {
    context.fillStyle = fill;
    context.fillRect(0, 0, 1, 1);
  }
  return `#${[...context.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((v) => v.toString(16).padStart(2, "0")).join("")}`;
}
