// Black or white, whichever stands out more on a colour [red, green, blue]. As `ink_on` in app/charts/theme.py.
export function inkOn(colour) {
  const [r, g, b] = colour.map((c) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

// An element with a class and, as plain text, its content.
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// The stops of a colour scale, from the theme; style: computed, of an element in the component. Three scales, as in app/charts/theme.py.
export function stopsOf(scale, style) {
  const list = (name) =>
    style
      .getPropertyValue(name)
      .split(",")
      .map((colour) => colour.trim());
  const paper = style.getPropertyValue("--paper").trim();
  if (scale === "attention") return [paper, ...list(`--attention-${inkOn(rgbOf(paper)) === "#fff" ? "dark" : "light"}-steps`)];
  if (scale !== "signed") return [paper, ...list("--st-chart-sequential-colors")];
  const hues = list("--st-chart-diverging-colors");
  return [...hues.slice(0, 5), paper, ...hues.slice(5)];
}

// A colour, written #rrggbb or rgb(r, g, b), as [red, green, blue].
export function rgbOf(colour) {
  const hex = /^#(..)(..)(..)/.exec(colour);
  return hex ? hex.slice(1).map((part) => parseInt(part, 16)) : (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
}

// A button that saves a picture. Where a figure's menu presses it (components/pictures), it is out of sight: page.css.
export function saveButton(format, says = `Save ${format}`) {
  const button = make("button", "quiet save", says);
  button.type = "button";
  button.dataset.save = format;
  return button;
}

// Hand a file to the visitor.
export function offer(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// What a component that is `late` (mount.js) says when what it waited for is drawn.
export function tellDrawn(element) {
  element.getRootNode().host?.toggleAttribute("data-drawn", true);
}

// For a component that shows nothing: its container would leave a gap in the page.
export function takeNoSpace(parentElement) {
  const container = parentElement.host.closest('[data-testid="stElementContainer"]');
  if (container) container.style.display = "none";
}
