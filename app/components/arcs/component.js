// A text in lines of chips. Arcs lead from the chip in focus to those that it attends to; they are drawn anew when the lines break
// elsewhere. The weights stand above the chips, where there is room for them whatever they are, so that nothing moves.
import { inkOn, make, rgbOf, stopsOf, svg } from "../shared/elements.js";
import { percent } from "../shared/numbers.js";
import { unpack } from "../shared/shelf.js";
import { curve } from "./curve.js";

const drawn = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let view = drawn.get(parentElement);
  if (!view) drawn.set(parentElement, (view = new Arcs(parentElement)));
  view.pick = (index) => setTriggerValue("pick", index);
  view.receive(unpack(data));
  return () => (view.close(), drawn.delete(parentElement));
}

class Arcs {
  constructor(parent) {
    this.root = parent.appendChild(make("section", "root"));
    this.lines = svg("svg", { "aria-hidden": "true" });
    this.list = make("ol", "text");
    this.root.append(this.lines, this.list);
    this.chips = [];
    this.list.addEventListener("click", (event) => this.clicked(event.target.closest?.(".chip")));
    this.list.addEventListener("keydown", (event) => this.move(event));
    this.resized = new ResizeObserver(() => this.arcs());
    this.resized.observe(this.list);
  }

  close() {
    this.resized.disconnect();
    this.root.remove();
  }

  receive({ header, arrays }) {
    const same = this.header && header.tokens.join("\n") === this.header.tokens.join("\n") && header.first === this.header.first;
    this.header = header;
    this.weights = arrays.weights.data;
    if (!same) this.build();
    this.list.setAttribute("aria-label", header.label);
    this.next.hidden = !header.predicted;
    if (header.predicted) {
      this.next.firstChild.textContent = `${percent(header.predicted[1])}`;
      this.next.children[1].textContent = header.predicted[0];
    }
    const stops = stopsOf("attention", getComputedStyle(this.root)).map(rgbOf);
    this.chips.forEach((chip, i) => this.shade(chip, i, stops));
    this.arcs();
  }

  build() {
    this.chips = this.header.tokens.map((text) => {
      const chip = make("button", "chip");
      chip.type = "button";
      chip.append(make("span", "weight"), make("span", "token", text));
      return chip;
    });
    this.next = make("li", "next");
    this.next.append(make("span", "weight"), make("span", "token"), make("span", "says", "likeliest next"));
    const groups = [];
    this.header.tokens.forEach((text, i) => {
      if (!i || /^[␣↵]/.test(text) || this.header.tokens[i - 1].endsWith("↵")) groups.push(make("li", "group"));
      groups.at(-1).append(this.chips[i]);
    });
    this.list.replaceChildren(...groups, this.next);
  }

  shade(chip, i, stops) {
    const { query, number } = this.header;
    const weight = i <= query ? this.weights[i] : 0;
    // The colours of the maps: by the square root, so that small weights differ, with the ink that can be read on each.
    const place = Math.sqrt(Math.min(1, weight)) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    const colour = stops[low].map((part, k) => Math.round(part + (place - low) * (stops[low + 1][k] - part)));
    chip.lastChild.style.background = i > query ? "" : `rgb(${colour.join(" ")})`;
    chip.lastChild.style.color = i > query ? "" : inkOn(colour);
    chip.classList.toggle("later", i > query);
    chip.classList.toggle("query", i === query);
    chip.tabIndex = i === query ? 0 : -1;
    chip.setAttribute("aria-pressed", String(i === query));
    chip.firstChild.textContent = weight >= number ? percent(weight) : "";
    const says = i > query ? "comes later" : `weight ${percent(weight)}`;
    chip.setAttribute("aria-label", `${this.header.tokens[i]}, position ${this.header.first + i}, ${says}`);
    chip.title = i > query ? "Comes later: no weight" : `Position ${this.header.first + i}: ${percent(weight)} of the weight`;
  }

  arcs() {
    const { query, arc } = this.header;
    const box = this.root.getBoundingClientRect();
    if (!box.width) return;
    const zoom = box.width / this.root.offsetWidth || 1;
    const place = (chip) => {
      const r = chip.lastChild.getBoundingClientRect();
      return { x: (r.left + r.width / 2 - box.left) / zoom, top: (r.top - box.top) / zoom, bottom: (r.bottom - box.top) / zoom };
    };
    const from = place(this.chips[query]);
    const strong = this.chips.map((chip, i) => [chip, i]).filter(([, i]) => i < query && this.weights[i] >= arc);
    this.lines.replaceChildren(
      ...strong.map(([chip, i]) => {
        const weight = this.weights[i];
        return svg("path", { d: curve(from, place(chip)), "stroke-width": 1 + 6 * weight, opacity: 0.4 + 0.6 * weight });
      }),
    );
  }

  clicked(chip) {
    const index = this.chips.indexOf(chip);
    if (index >= 0) this.pick(index);
  }

  move(event) {
    const index = this.chips.indexOf(event.target);
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: this.chips.length - 1 }[event.key];
    if (index < 0 || !this.chips[next]) return;
    event.preventDefault();
    event.stopPropagation(); // the keys of a lecture turn the page
    this.chips[index].tabIndex = -1;
    this.chips[next].tabIndex = 0;
    this.chips[next].focus();
  }
}
