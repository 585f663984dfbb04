// Sliders and seed. A slider speaks at once to the picture, and to Python when it is let go.

import { make } from "../shared/elements.js";
import { count, fixed, percent, significant } from "../shared/numbers.js";
import { choices, nearest } from "./scales.js";
import { sumOf } from "./select.js";
import { MIN_PS, TEMPERATURES, TOP_PS, topKs } from "./stops.js";

const SETTLE = 250; // milliseconds after the last key before a setting is sent: a held key is one change

const SLIDERS = [
  {
    name: "temperature",
    title: "Temperature",
    values: () => TEMPERATURES,
    ticks: [
      [0, "greedy"],
      [1, "1"],
      [2, "2"],
      [5, "5"],
    ],
    text: (v) => (v === 0 ? "0 · greedy" : fixed(v, 2)),
    effect: (now) =>
      now.choice.kept.temperature === 1 && now.size > 1
        ? `the best token for certain, ${percent(now.base(0))} at temperature 1`
        : `${fixed(now.choice.entropy, 2)} bits: like ${choices(now.choice.entropy)} equally likely tokens`,
  },
  {
    name: "top_k",
    title: "Top-k",
    values: topKs,
    ticks: [
      [1, "1"],
      [10, "10"],
      [100, "100"],
      [1000, "1,000"],
      [10000, "10,000"],
      [null, "all"],
    ],
    text: (v) => (v === null ? "all" : count(v)),
    effect: (now) => cutText(now, "temperature", "top_k"),
  },
  {
    name: "top_p",
    title: "Top-p",
    values: () => TOP_PS,
    ticks: [
      [0.01, "0.01"],
      [0.5, "0.5"],
      [0.9, "0.9"],
      [1, "all"],
    ],
    text: (v) => (v === 1 ? "1 · all" : significant(v, 4)),
    effect: (now) => cutText(now, "top_k", "top_p"),
  },
  {
    name: "min_p",
    title: "Min-p",
    values: () => MIN_PS,
    ticks: [
      [0, "off"],
      [0.1, "0.1"],
      [0.2, "0.2"],
      [1, "1"],
    ],
    text: (v) => (v === 0 ? "0 · off" : significant(v, 4)),
    effect: (now) => cutText(now, "top_p", "min_p"),
  },
];

function cutText(now, before, after) {
  const { kept, weights, mass } = now.choice;
  if (kept[after] === kept[before]) return "cuts nothing";
  const share = sumOf(weights, kept[after], kept[before]) / mass[now.size - 1];
  return `keeps ${count(kept[after])}, cuts ${share === 0 ? "nothing of weight" : percent(share)}`;
}

export class Controls {
  // on: {input(settings): redraw, release(settings): tell Python}; seed: whether it can be changed here.
  constructor(on, { seed = true } = {}) {
    this.on = on;
    this.dragging = false;
    this.unanswered = []; // settings told to Python that have not come back yet
    this.root = make("div", "controls");
    this.sliders = SLIDERS.map((kind) => this.addSlider(kind));
    if (seed) this.addSeed();
    const reset = this.root.appendChild(make("button", "quiet", "Reset sliders"));
    reset.type = "button";
    reset.addEventListener("click", () => this.set({ temperature: 1, top_k: null, top_p: 1, min_p: 0 }, 0));
  }

  addSlider(kind) {
    const box = this.root.appendChild(make("div", "slider"));
    const label = box.appendChild(make("label"));
    label.append(make("span", "", kind.title));
    const value = label.appendChild(make("output"));
    const range = label.appendChild(make("input"));
    Object.assign(range, { type: "range", min: 0, step: 1 });
    range.setAttribute("aria-label", kind.title);
    const ticks = box.appendChild(make("div", "ticks"));
    const effect = box.appendChild(make("p", "effect"));
    range.addEventListener("pointerdown", () => this.holdUntilReleased());
    range.addEventListener("input", () => {
      this.settings = { ...this.settings, [kind.name]: slider.values[range.valueAsNumber] };
      this.show();
      this.on.input(this.settings);
    });
    range.addEventListener("change", () => this.send(this.byPointer ? 0 : SETTLE));
    const slider = { kind, range, value, ticks, effect, values: [] };
    return slider;
  }

  addSeed() {
    const box = this.root.appendChild(make("div", "seed"));
    const label = box.appendChild(make("label", "", "Seed"));
    this.seed = label.appendChild(make("input"));
    Object.assign(this.seed, { type: "number", min: 0, max: 2 ** 32 - 1, step: 1 });
    this.seed.addEventListener("change", () => {
      const seed = this.seed.valueAsNumber;
      if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) this.set({ seed }, SETTLE);
      else this.seed.value = this.settings.seed;
    });
    const button = box.appendChild(make("button", "", "New seed"));
    button.type = "button";
    button.title = "The next seed: another random number, another throw";
    button.addEventListener("click", () => this.set({ seed: (this.settings.seed + 1) % 2 ** 32 }, 0));
  }

  // While the pointer is down, what Python says about the settings does not count.
  holdUntilReleased() {
    this.dragging = this.byPointer = true;
    const release = () => {
      this.dragging = false;
      removeEventListener("pointerup", release);
      removeEventListener("pointercancel", release);
      setTimeout(() => (this.byPointer = false)); // `change` comes after the pointer is up
    };
    addEventListener("pointerup", release);
    addEventListener("pointercancel", release);
  }

  set(changes, delay) {
    this.settings = { ...this.settings, ...changes };
    this.show();
    this.on.input(this.settings);
    this.send(delay);
  }

  send(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.unanswered.push(JSON.stringify(this.settings));
      this.incoming = null; // it came while the hand was at work, which has the last word
      this.on.release(this.settings);
    }, delay);
  }

  // Settings from Python. What answers the hand is not taken over what it has set since; other news are: a link, a reset by the page.
  hear(settings) {
    const text = JSON.stringify(settings);
    const answered = this.unanswered.indexOf(text);
    this.unanswered.splice(0, answered + 1);
    if (text !== this.heard && answered < 0) this.incoming = settings;
    this.heard = text;
  }

  // Take what was heard, unless the hand holds a slider; size: tokens in the vocabulary, which decides where top-k's scale ends.
  settle(size) {
    if (this.dragging || (!this.incoming && size === this.size)) return;
    this.settings = this.incoming ?? this.settings;
    this.incoming = null;
    if (size !== this.size) this.rescale(size);
    this.show();
  }

  rescale(size) {
    this.size = size;
    for (const { kind, range, ticks } of this.sliders) {
      const values = kind.values(size);
      this.sliders.find((s) => s.range === range).values = values;
      range.max = values.length - 1;
      ticks.textContent = "";
      for (const [at, text] of kind.ticks) {
        if (at !== null && at >= size && kind.name === "top_k") continue;
        const tick = ticks.appendChild(make("span", "", text));
        tick.style.setProperty("--at", nearest(values, at) / (values.length - 1));
      }
    }
  }

  show() {
    for (const { kind, range, value, values } of this.sliders) {
      const v = this.settings[kind.name];
      const place = kind.name === "top_k" && v >= this.size ? null : v; // beyond the vocabulary is all of it
      if (values[range.valueAsNumber] !== place) range.value = nearest(values, place);
      range.style.setProperty("--at", range.valueAsNumber / (values.length - 1));
      value.textContent = kind.text(v);
      range.setAttribute("aria-valuetext", kind.text(v));
    }
    if (this.seed && this.seed.valueAsNumber !== this.settings.seed) this.seed.value = this.settings.seed;
  }

  draw(now) {
    for (const { kind, effect } of this.sliders) effect.textContent = now.hidden ? "" : kind.effect(now);
  }
}
