// What both views do: wait for values that fit the header, draw again when the width or the theme changes, save a picture.
import { make, saveButton, tellDrawn } from "../shared/elements.js";
import { inflated, shelf } from "../shared/shelf.js";
import { drawLegend, LEGEND, levelOf, palette, sized } from "./scale.js";

export class View {
  constructor(parent, className) {
    this.root = make("section", `view ${className}`);
    parent.append(this.root);
    this.abort = new AbortController();
    this.resized = new ResizeObserver(() => {
      if (this.ready && this.root.clientWidth && this.root.clientWidth !== this.width) this.draw();
    });
    this.resized.observe(this.root);
  }

  // An element of the view, in the order in which they are added.
  add(tag, className, parent = this.root) {
    return parent.appendChild(make(tag, className));
  }

  // Legend and picture button, below everything.
  addFoot() {
    const foot = this.add("div", "foot");
    this.legend = this.add("canvas", "legend", foot);
    const button = foot.appendChild(saveButton("PNG"));
    this.listen(button, "click", () => this.colours && this.save());
  }

  listen(target, type, listener) {
    target.addEventListener(type, listener, { signal: this.abort.signal });
  }

  receive(header) {
    if (this.header?.values !== header.values) this.listen(shelf, header.values, () => this.take());
    this.header = header;
    this.root.setAttribute("aria-label", header.title);
    this.heading.textContent = header.title;
    this.take();
  }

  async take() {
    const { header } = this;
    const kept = shelf.values.get(header.values);
    if (kept?.value.stamp !== header.stamp) return; // they are on their way; until then the last picture stands
    const start = performance.now();
    if (this.stamp !== header.stamp || this.version !== kept.value.version) {
      const { data, shape } = kept.values;
      const levels = kept.value.exact
        ? Uint8Array.from(data, (value) => levelOf(value, header.scale, header.top))
        : await inflated(data);
      if (this.header !== header || shelf.values.get(header.values) !== kept || this.abort.signal.aborted) return; // overtaken
      const { version, summary } = kept.value;
      Object.assign(this, { levels, shape: kept.value.shape ?? shape, exact: kept.value.exact ? data : null });
      Object.assign(this, { stamp: header.stamp, version, summary });
      this.renewed();
    }
    const appearance = this.appearance();
    if (this.drawn === appearance) this.mark();
    else this.draw(appearance);
    tellDrawn(this.root);
    performance.measure(`glass-${header.mode}`, { start });
  }

  // Whether what is drawn is what the header speaks of; not so while new values are on their way.
  get ready() {
    return this.levels && this.stamp === this.header.stamp;
  }

  renewed() {}

  // All that decides what is drawn, but for what is marked in it: another row or head in focus is no reason to draw it all again.
  appearance() {
    this.colours = palette(this.root, this.header.scale, this.colours);
    return JSON.stringify([this.root.clientWidth, this.version, this.colours.key, { ...this.header, row: 0, focus: 0 }]);
  }

  draw(appearance = this.appearance()) {
    this.width = this.root.clientWidth;
    this.drawn = appearance;
    const block = this.paint();
    drawLegend(sized(this.legend, LEGEND.width, LEGEND.height), this.colours, this.header, 0, 0, block);
  }

  // A line of plain texts; ["code", text] and ["b", text] are set apart.
  say(element, parts) {
    element.replaceChildren(...parts.map((part) => (Array.isArray(part) ? make(part[0], "", part[1]) : part)));
  }

  close() {
    this.abort.abort();
    this.resized.disconnect();
    this.root.remove();
  }
}
