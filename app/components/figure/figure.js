// One figure of app/charts, drawn in place: its element stays when its data change.

import { make, offer, saveButton, svg } from "../shared/elements.js";
import { unpack } from "../shared/shelf.js";
import { picture } from "./frame.js";
import { Pointer } from "./pointer.js";
import { pngOf, standAlone } from "./save.js";
import { ruler } from "./text.js";

export class Figure {
  constructor(parent) {
    this.root = parent.appendChild(make("figure", "figure"));
    this.root.tabIndex = 0;
    this.canvas = this.root.appendChild(make("canvas"));
    this.svg = this.root.appendChild(svg("svg"));
    this.pointer = new Pointer(this.root, this.svg);
    this.hidden = new Set();
    this.addToolbar();
    const item = (event) => event.target.closest(".item");
    this.svg.addEventListener("click", (event) => this.toggle(item(event)));
    this.svg.addEventListener("keydown", (event) => {
      if (!item(event) || !["Enter", " "].includes(event.key)) return;
      event.preventDefault();
      this.toggle(item(event));
    });
    ruler.family = getComputedStyle(this.root).fontFamily;
    this.resized = new ResizeObserver(() => this.root.clientWidth !== this.width && this.draw(this.root.clientWidth));
    this.resized.observe(this.root);
    if (document.fonts.status === "loading") document.fonts.ready.then(() => this.draw()); // texts were measured without them
  }

  receive(bytes) {
    if (this.bytes?.length === bytes.length && bytes.every((byte, i) => byte === this.bytes[i])) return;
    this.bytes = bytes.slice();
    this.show(unpack(bytes).header);
  }

  // spec: {name, data, layout}, as app/components/figure makes it.
  show(spec) {
    this.spec = spec;
    this.root.style.height = `${this.spec.layout.height}px`;
    this.draw();
  }

  // The width is asked for once and then told: to ask makes the browser lay the whole page out in the midst of its changes.
  draw(width = this.width || this.root.clientWidth) {
    this.width = width;
    if (!width || !this.spec) return;
    const start = performance.now();
    const scene = picture(this.spec, width, this.hidden, this.canvas);
    const within = this.root.getRootNode().activeElement?.name; // of the legend
    this.root.setAttribute("aria-label", `${this.spec.layout.meta.alt} ${scene.note}`.trim());
    this.svg.replaceChildren(svg("g", { "aria-hidden": true }, ...scene.nodes), ...scene.legend);
    scene.legend.find((item) => item.name === within)?.focus();
    this.pointer.renew(scene);
    this.box = scene.box;
    performance.measure("glass-figure", { start });
  }

  toggle(item) {
    if (!item) return;
    if (!this.hidden.delete(item.name)) this.hidden.add(item.name);
    this.draw();
  }

  addToolbar() {
    const bar = this.root.appendChild(make("div", "toolbar"));
    const add = (name, save) => {
      const button = bar.appendChild(saveButton(name, name));
      button.title = `Save the figure as ${name}`;
      button.addEventListener("click", save);
    };
    add("SVG", () => offer(new Blob([standAlone(this.svg, this.canvas)], { type: "image/svg+xml" }), `${this.spec.name}.svg`));
    add("PNG", async () => offer(await pngOf(this.svg, this.canvas), `${this.spec.name}.png`));
  }

  close() {
    this.resized.disconnect();
    this.root.remove();
  }
}
