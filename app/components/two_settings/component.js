// Takes logits and settings from the shelf, where either may come first, and draws what follows from them and from the hand.

import { axisEnd, tickText } from "../choice/scales.js";
import { select } from "../choice/select.js";
import { Figure } from "../figure/figure.js";
import { make, tellDrawn } from "../shared/elements.js";
import { hand } from "../shared/hand.js";
import { percent } from "../shared/numbers.js";
import { shelf, unpack } from "../shared/shelf.js";
import { Side } from "./side.js";

export const styles = ["choice/controls.css", "figure/component.css"];
export const late = true;

const benches = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let bench = benches.get(parentElement);
  if (!bench) benches.set(parentElement, (bench = new Bench(parentElement, unpack(data).header.key)));
  bench.say = setTriggerValue;
  return () => (bench.close(), benches.delete(parentElement));
}

class Bench {
  constructor(parent, key) {
    this.names = [`${key}:logits`, `${key}:said`];
    this.root = parent.appendChild(make("section", "bench waiting"));
    this.root.setAttribute("aria-label", "Two settings side by side");
    this.sides = ["first", "second"].map((event) => {
      const side = new Side({ input: () => this.move(), release: (settings) => this.release(event, settings) });
      side.root.classList.add(event);
      return side;
    });
    this.middle = make("div", "middle");
    this.live = make("p", "for-ears");
    this.live.setAttribute("aria-live", "polite");
    this.root.append(this.sides[0].root, this.middle, this.sides[1].root, this.live);
    this.arrive = this.arrive.bind(this);
    for (const name of this.names) shelf.addEventListener(name, this.arrive);
    this.arrive();
  }

  arrive() {
    const [kept, said] = this.names.map((name) => shelf.values.get(name));
    if (!kept || !said || kept.value.mark !== said.value.mark) return; // something is still on its way
    const logits = kept.logits.data;
    if (logits !== this.logits) this.base = select(logits, { temperature: 1, top_k: null, top_p: 1, min_p: 0 }, 0);
    this.logits = logits;
    if (said.value !== this.said) said.value.settings.forEach((settings, i) => this.sides[i].controls.hear(settings));
    this.said = said.value;
    for (const side of this.sides) side.controls.settle(logits.length);
    this.figure ??= new Figure(this.middle);
    this.root.classList.remove("waiting");
    this.draw();
    tellDrawn(this.root);
  }

  move() {
    this.redraw();
    hand.moved?.(this.names[1], { settings: this.sides.map(({ controls }) => controls.settings) });
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { figure, headings, labels, u } = this.said;
    const traces = figure.data.map((trace, i) => {
      this.sides[i].draw({ logits: this.logits, base: this.base, u, labels, heading: headings[i], colour: trace.marker.color });
      const x = this.sides[i].best(trace.x.length);
      return { ...trace, x, text: x.map(percent) };
    });
    this.figure.show({
      ...figure,
      data: traces,
      layout: { ...figure.layout, xaxis: { ...figure.layout.xaxis, ...axisTo(traces.flatMap(({ x }) => x)) } },
    });
  }

  release(event, settings) {
    this.say(event, settings);
    this.live.textContent = this.sides.map((side) => side.sentence()).join(" ");
  }

  close() {
    for (const name of this.names) shelf.removeEventListener(name, this.arrive);
    cancelAnimationFrame(this.frame);
    this.figure?.close();
    this.root.remove();
  }
}

// Stands still while the longest bar grows a little, and does not go beyond 100 %; the room is for the text beside that bar.
function axisTo(probabilities) {
  const end = axisEnd(Math.max(...probabilities));
  const parts = [1.5, 3, 6].includes(Number(end.toExponential(1).split("e")[0])) ? 3 : 4;
  const tickvals = Array.from({ length: parts + 1 }, (_, i) => (end * i) / parts);
  return { range: [0, 1.2 * end], tickvals, ticktext: tickvals.map(tickText) };
}
