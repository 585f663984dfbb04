// The grid as a table of buttons: its cells come by themselves, over the shelf (components/vocabulary).

import { make } from "../shared/elements.js";
import { shelf, unpack } from "../shared/shelf.js";
import { savePicture } from "./picture.js";
import { facts, legend, table } from "./table.js";
import { Tip } from "./tip.js";

const grids = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let grid = grids.get(parentElement);
  if (!grid) grids.set(parentElement, (grid = new LensGrid(parentElement)));
  grid.pick = (depth, position) => setTriggerValue("pick", { depth, position });
  grid.receive(unpack(data).header);
  return () => (grid.close(), grids.delete(parentElement));
}

class LensGrid {
  constructor(parent) {
    this.root = parent.appendChild(make("figure", "lens"));
    this.heading = this.root.appendChild(make("figcaption"));
    this.box = this.root.appendChild(make("div", "box"));
    this.foot = this.root.appendChild(make("div", "foot"));
    this.tip = new Tip(this.root);
    this.abort = new AbortController();
    const cell = (event) => event.target.closest?.("button[data-cell]");
    this.listen(this.box, "pointerover", (event) => event.pointerType === "mouse" && this.point(cell(event)));
    this.listen(this.box, "pointerleave", () => this.point(null));
    this.listen(this.box, "focusin", (event) => cell(event)?.matches(":focus-visible") && this.point(cell(event)));
    this.listen(this.box, "focusout", () => this.point(null));
    this.listen(this.box, "keydown", (event) => this.walk(event, cell(event)));
    this.listen(this.box, "click", (event) => cell(event) && this.choose(cell(event)));
  }

  listen(target, type, listener) {
    target.addEventListener(type, listener, { signal: this.abort.signal });
  }

  receive(header) {
    if (this.header?.cells !== header.cells) this.listen(shelf, header.cells, () => this.take());
    this.header = header;
    this.take();
  }

  take() {
    const { header } = this;
    const kept = shelf.values.get(header.cells);
    if (kept?.value.stamp !== header.stamp) return; // they are on their way; until then the last grid stands
    const { focus, ...drawn } = header;
    const said = JSON.stringify(drawn);
    if (said !== this.said) this.draw(kept);
    this.said = said;
    this.outline();
  }

  draw(kept) {
    const within = this.root.getRootNode().activeElement?.dataset?.cell;
    this.cells = { ...kept, texts: kept.value.texts };
    this.root.setAttribute("aria-label", this.header.alt);
    this.heading.textContent = this.header.title;
    this.point(null);
    this.box.replaceChildren(table(this.header, this.cells));
    this.foot.replaceChildren(...legend(this.header, () => savePicture(this.header, this.box)));
    this.buttons = [...this.box.querySelectorAll("button")];
    const again = within && this.buttons.find((button) => button.dataset.cell === within);
    if (again) again.focus({ preventScroll: true });
  }

  // The cell in focus, which the tabulator key reaches; where its column is not drawn, the last of the first row.
  outline() {
    const [row, column] = this.header.focus;
    for (const button of this.buttons) button.tabIndex = -1;
    this.box.querySelector(".chosen")?.classList.remove("chosen");
    const chosen = this.at(row, column);
    if (chosen) this.reveal(chosen);
    (chosen ?? this.buttons.at(-1)).tabIndex = 0;
  }

  // Into the part of a wide grid that a phone shows, beside the names of the rows, which stay.
  reveal(button) {
    button.classList.add("chosen");
    const [cell, box, names] = [button, this.box, this.box.querySelector("th")].map((element) => element.getBoundingClientRect());
    if (cell.left < names.right || cell.right > box.right)
      this.box.scrollLeft += cell.left - (names.right + box.right - cell.width) / 2;
  }

  at(row, column) {
    return this.buttons.find((button) => button.dataset.cell === `${row},${column}`);
  }

  walk(event, button) {
    if (event.key === "Escape") return this.point(null);
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!step || !button) return;
    event.preventDefault();
    const [row, column] = place(button);
    this.at(row + step[0], column + step[1])?.focus();
  }

  choose(button) {
    const [row, column] = place(button);
    this.header.focus = [row, column]; // at once; Python says the same a moment later
    this.outline();
    this.pick(row, this.header.positions[column]);
  }

  point(button) {
    this.tip.show(button, button && facts(this.header, this.cells, ...place(button)));
  }

  close() {
    this.abort.abort();
    this.root.remove();
  }
}

function place(button) {
  return button.dataset.cell.split(",").map(Number);
}
