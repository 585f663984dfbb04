// Curves and what they are at x: both sliders, and the figure that follows them.

import { Figure } from "../figure/figure.js";
import { plain } from "../figure/text.js";
import { make } from "../shared/elements.js";
import { fixed } from "../shared/numbers.js";
import { unpack } from "../shared/shelf.js";
import { curves } from "./curves.js";

export const styles = ["figure/component.css"];

const readers = new WeakMap();
const SETTLE = 300; // ms after the last key, before Python hears of it

export default function ({ data, parentElement, setTriggerValue }) {
  let reader = readers.get(parentElement);
  if (!reader) readers.set(parentElement, (reader = new Reader(parentElement)));
  reader.say = (value) => setTriggerValue("let_go", value);
  reader.receive(unpack(data));
  return () => (reader.close(), readers.delete(parentElement));
}

class Reader {
  constructor(parent) {
    this.root = parent.appendChild(make("figure", "reader"));
    this.root.setAttribute("role", "group");
    this.figure = new Figure(this.root);
    this.figure.root.removeAttribute("tabindex"); // its slider is what a keyboard reads it with
    this.place = this.slider("x", () => this.low + this.step * this.place.input.valueAsNumber);
    this.tap = this.slider("", () => this.tap.input.valueAsNumber);
    Object.assign(this.tap.input, { min: -2, max: 2, step: 0.1 });
    this.figure.svg.addEventListener("pointerdown", (event) => this.drag(event));
    this.resized = new ResizeObserver(() => this.root.clientWidth !== this.width && this.draw());
    this.resized.observe(this.root);
  }

  // value(): what the slider stands for.
  slider(name, value) {
    const box = this.root.appendChild(make("label", "slider"));
    const title = box.appendChild(make("div"));
    const words = title.appendChild(make("span", "", name));
    const shown = title.appendChild(make("output"));
    const input = box.appendChild(make("input"));
    input.type = "range";
    input.addEventListener("input", () => this.draw());
    input.addEventListener("change", () => this.letGo(SETTLE));
    return { box, words, input, shown, value };
  }

  letGo(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const said = { at: Number(this.place.value().toFixed(6)), factor: this.tap.value() };
      this.said = JSON.stringify([said.at, said.factor]);
      this.say(said);
    }, delay);
  }

  receive({ header, arrays }) {
    Object.assign(this, header);
    this.root.setAttribute("aria-label", header.alt);
    const many = arrays.values.shape[1];
    this.rows = header.curves.map(([name, colour, scaled], i) => {
      const part = ({ data }) => data.subarray(i * many, (i + 1) * many);
      return { name, colour, scaled, values: part(arrays.values), slopes: part(arrays.slopes) };
    });
    Object.assign(this.place.input, { min: 0, max: many - 1, step: 1 });
    // What Python says of the sliders counts where it is news, and not where it only says again what it heard from them.
    const told = JSON.stringify([header.at, header.factor]);
    if (told !== this.told && told !== this.said) {
      this.place.input.value = Math.round((header.at - header.low) / header.step);
      this.tap.input.value = header.factor;
    }
    this.told = told;
    this.tap.words.textContent = header.factor_name;
    this.tap.box.hidden = !this.rows.some((row) => row.scaled);
    this.draw();
  }

  // A finger or the mouse on the picture moves x too.
  drag(event) {
    const picture = this.figure.svg;
    const { left, right } = this.figure.box;
    const move = ({ clientX }) => {
      const share = (clientX - picture.getBoundingClientRect().left - left) / (right - left);
      this.place.input.value = Math.round(share * this.place.input.max);
      this.draw();
    };
    picture.setPointerCapture(event.pointerId);
    picture.onpointermove = move;
    picture.onpointerup = picture.onpointercancel = () => {
      picture.onpointermove = null;
      this.letGo(0);
    };
    move(event);
  }

  draw() {
    this.width = this.root.clientWidth;
    if (!this.width || !this.rows) return;
    const index = this.place.input.valueAsNumber,
      factor = this.tap.value();
    const readings = this.rows.map(({ name, colour, scaled, values, slopes }) => {
      const times = scaled ? factor : 1;
      return { name, colour, value: times * values[index], slope: times * slopes[index] };
    });
    this.figure.show(curves(this, readings, index, factor, this.width));
    this.root.style.setProperty("--left", `${this.figure.box.left}px`);
    this.root.style.setProperty("--right", `${this.width - this.figure.box.right}px`);
    this.place.shown.textContent = fixed(this.place.value(), 2);
    this.tap.shown.textContent = fixed(factor, 1);
    const spoken = readings.map(({ name, value, slope }) => `${plain(name)}: value ${fixed(value, 3)}, slope ${fixed(slope, 3)}`);
    this.place.input.setAttribute("aria-valuetext", [fixed(this.place.value(), 2), ...spoken].join("; "));
    this.tap.input.setAttribute("aria-valuetext", fixed(factor, 1));
  }

  close() {
    clearTimeout(this.timer);
    this.resized.disconnect();
    this.figure.close();
    this.root.remove();
  }
}
