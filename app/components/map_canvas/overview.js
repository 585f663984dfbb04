import { make } from "../shared/elements.js";
import { percent, significant } from "../shared/numbers.js";
import { levelImage, savePng, sized } from "./scale.js";
import { View } from "./view.js";

const HEADS = 36; // CSS pixels of the heads' numbers above the maps
const PREVIEW = 112; // CSS pixels of the map that is pointed at, a side
const FOOTER = 100; // pixels of the window in a lecture, with a gap above

// All attention maps of a model at once: a row a layer, a column a head.
export class Overview extends View {
  constructor(parent) {
    super(parent, "overview");
    this.heading = this.add("h2", "heading");
    const lens = this.add("div", "lens");
    this.preview = this.add("canvas", "preview", lens);
    sized(this.preview, PREVIEW, PREVIEW); // at once, so that nothing moves when the maps come
    this.readout = this.add("p", "readout", lens);
    this.readout.setAttribute("aria-live", "polite");
    this.box = this.add("div", "scroll");
    this.add("span", "corner", this.box).textContent = "layer ↓";
    this.heads = this.add("div", "heads", this.box);
    this.layers = this.add("div", "layers", this.box);
    this.stage = this.add("div", "stage", this.box);
    this.canvas = this.add("canvas", "maps", this.stage);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.focusMark = this.add("i", "mark focus", this.stage);
    this.pointMark = this.add("i", "mark point", this.stage);
    this.addFoot();
    this.listen(this.canvas, "pointermove", (event) => this.point(this.at(event)));
    this.listen(this.canvas, "pointerleave", (event) => event.pointerType === "touch" || this.point(null));
    this.listen(this.canvas, "click", (event) => this.pick(this.at(event)));
    this.listen(this.canvas, "keydown", (event) => this.key(event));
    this.listen(this.canvas, "blur", () => this.point(null));
  }

  get focus() {
    return this.header.focus ? { layer: this.header.focus[0], head: this.header.focus[1] } : null;
  }

  at(event) {
    if (!this.ready) return null;
    const box = this.canvas.getBoundingClientRect();
    const [layers, heads] = this.shape;
    const head = Math.floor((event.clientX - box.left) / this.pitch);
    const layer = Math.floor((event.clientY - box.top) / this.pitch);
    return layer >= 0 && layer < layers && head >= 0 && head < heads ? { layer, head } : null;
  }

  key(event) {
    if (!this.ready) return;
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const here = this.pointed ?? this.focus ?? { layer: 0, head: 0 };
    if (step) {
      const [layers, heads] = this.shape;
      const move = (value, by, count) => Math.max(0, Math.min(count - 1, value + by));
      this.point({ layer: move(here.layer, step[0], layers), head: move(here.head, step[1], heads) });
      this.pointMark.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else if (event.key === "Enter" || event.key === " ") this.pick(here);
    else if (event.key === "Escape") this.point(null);
    else return;
    event.preventDefault();
  }

  point(place) {
    this.pointed = place;
    this.mark();
  }

  pick(place) {
    if (!place) return;
    this.header.focus = [place.layer, place.head]; // shown at once; Python's answer will say the same
    this.point(place);
    this.send("focus", place);
  }

  paint() {
    const { layers, heads, canvas, header } = this;
    const [nLayers, nHeads] = this.shape;
    const gap = this.width < 600 ? 2 : 4;
    const room = (this.width - 46) / nHeads - gap;
    const height = this.heightLeft() - HEADS;
    // A thumbnail is 22 px at least, with the gap a target of 24, but in a lecture, where all have to fit the screen.
    const side = Math.max(14, Math.min(Math.max(22, Math.min(64, Math.floor(room))), Math.floor(height / nLayers - gap)));
    Object.assign(this, { side, pitch: side + gap });
    const numbers = (box, count) => {
      box.style.setProperty("--pitch", `${this.pitch}px`);
      while (box.children.length > count) box.lastChild.remove();
      while (box.children.length < count) box.append(make("span", "", String(box.children.length)));
    };
    numbers(heads, nHeads);
    numbers(layers, nLayers);
    canvas.setAttribute("aria-label", header.alt);
    this.image = this.atlas();
    this.paintMaps(sized(canvas, nHeads * this.pitch - gap, nLayers * this.pitch - gap));
    this.mark();
  }

  // In a lecture, where nobody scrolls: CSS pixels from the top of the maps down to the footer; Infinity elsewhere, and where they begin
  // too low to be seen whole in any case.
  heightLeft() {
    const lecture = Number(getComputedStyle(this.root).getPropertyValue("--lecture"));
    if (!lecture) return Infinity;
    const scrolled = document.querySelector('[data-testid="stMain"]')?.scrollTop ?? 0;
    const left = (innerHeight - FOOTER - this.box.getBoundingClientRect().top - scrolled) / lecture;
    return left < 200 ? Infinity : left;
  }

  // All maps in one image, map (layer, head) at (head * size, layer * size).
  atlas() {
    const [nLayers, nHeads, rows, cols] = this.shape;
    const width = nHeads * cols;
    const place = (i) => {
      const cell = i % (rows * cols),
        map = (i - cell) / (rows * cols);
      const head = map % nHeads,
        layer = (map - head) / nHeads;
      const x = cell % cols,
        y = (cell - x) / cols;
      return (layer * rows + y) * width + head * cols + x;
    };
    return levelImage(this.levels, width, nLayers * rows, this.colours.table, place);
  }

  paintMaps(context) {
    const [nLayers, nHeads] = this.shape;
    for (let layer = 0; layer < nLayers; layer++)
      for (let head = 0; head < nHeads; head++)
        this.paintOne(context, layer, head, head * this.pitch, layer * this.pitch, this.side);
  }

  paintOne(context, layer, head, x, y, side) {
    const [, , rows, cols] = this.shape;
    context.imageSmoothingEnabled = side < cols;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.image, head * cols, layer * rows, cols, rows, x, y, side, side);
  }

  mark() {
    if (!this.ready) return;
    const set = (mark, place) => {
      mark.hidden = !place;
      if (place)
        mark.style.cssText = `left:${place.head * this.pitch}px;top:${place.layer * this.pitch}px;width:${this.side}px;height:${this.side}px`;
    };
    set(this.focusMark, this.focus);
    set(this.pointMark, this.pointed);
    const shown = this.pointed ?? this.focus;
    [...this.heads.children].forEach((e, i) => e.classList.toggle("lit", i === shown?.head));
    [...this.layers.children].forEach((e, i) => e.classList.toggle("lit", i === shown?.layer));
    const context = sized(this.preview, PREVIEW, PREVIEW);
    if (shown) this.paintOne(context, shown.layer, shown.head, 0, 0, PREVIEW);
    this.say(
      this.readout,
      shown ? this.describe(shown) : ["Point at a map. A click, or Enter after the arrow keys, brings it into focus."],
    );
  }

  describe({ layer, head }) {
    const {
      header: { tokens },
      summary,
    } = this;
    const parts = [["b", `layer ${layer}, head ${head}`]];
    if (!summary) return parts;
    const i = layer * this.shape[1] + head;
    if (summary.entropy[i] === null) return [...parts, ["span", "still being computed"]];
    const token = (position) => ["code", tokens[position]];
    parts.push(["span", `mean entropy ${significant(summary.entropy[i])} bits`]);
    const [query, key] = [summary.query[i], summary.key[i]];
    parts.push("strongest: ", token(query), ` (${query}) attends to `, token(key), ` (${key}), ${percent(summary.weight[i])}`);
    return parts;
  }

  save() {
    const [nLayers, nHeads] = this.shape;
    const width = nHeads * this.pitch + 44,
      height = nLayers * this.pitch + 34;
    savePng(this.colours, this.header, width, height, 2, (context) => {
      context.font = `12px ${this.colours.sans}`;
      context.fillStyle = this.colours.soft;
      context.fillText("layer ↓", 0, 10);
      context.fillText("head →", 44, 10);
      context.textAlign = "center";
      for (let head = 0; head < nHeads; head++) context.fillText(head, 44 + head * this.pitch + this.side / 2, 26);
      for (let layer = 0; layer < nLayers; layer++) context.fillText(layer, 22, 34 + layer * this.pitch + this.side / 2 + 4);
      context.translate(44, 34);
      this.paintMaps(context);
    });
  }
}
