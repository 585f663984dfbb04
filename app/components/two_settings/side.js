// One of the two settings: its sliders, and in words what they leave.

import { Controls } from "../choice/controls.js";
import { choices } from "../choice/scales.js";
import { select } from "../choice/select.js";
import { make } from "../shared/elements.js";
import { count, fixed, percent } from "../shared/numbers.js";

export class Side {
  // on: as of Controls
  constructor(on) {
    this.root = make("section", "side");
    const title = this.root.appendChild(make("h2"));
    title.append(make("i"));
    this.title = title.appendChild(make("span"));
    this.controls = new Controls(on, { seed: false });
    const list = make("dl");
    this.facts = ["Kept", "Uncertainty after the cuts", ""].map((name) => {
      const term = list.appendChild(make("dt", "", name));
      return [term, list.appendChild(make("dd"))];
    });
    this.root.append(this.controls.root, list);
  }

  // given: {logits, base: the choice at temperature 1 without cuts, u, labels, heading, colour}
  draw(given) {
    const { settings } = this.controls;
    // Once more over the whole vocabulary only where something that counts is another.
    if (settings !== this.settings || given.logits !== this.logits || given.u !== this.u)
      this.choice = select(given.logits, settings, given.u);
    Object.assign(this, given, { settings });
    this.root.style.setProperty("--tint", given.colour);
    this.root.setAttribute("aria-label", given.heading);
    if (this.title.textContent !== given.heading) this.title.textContent = given.heading;
    const { choice, logits, base } = this;
    const size = logits.length;
    this.controls.draw({ choice, size, hidden: false, base: (rank) => base.weights[rank] / base.mass[size - 1] });
    const bits = choice.finalEntropy;
    this.facts[2][0].textContent = `Drawn by the random number ${fixed(given.u, 3)}`;
    [
      `${count(choice.n)} of ${count(size)} tokens, ${percent(choice.mass[choice.n - 1] / choice.mass[size - 1])} of the probability`,
      `${fixed(bits, 2)} bits: like ${choices(bits)} equally likely tokens`,
      `${this.label(choice.rank)}, ${percent(this.final(choice.rank))}`,
    ].forEach((text, i) => (this.facts[i][1].textContent = text));
  }

  label(rank) {
    return this.labels[rank] ?? `the token of rank ${count(rank + 1)}`;
  }

  final(rank) {
    const { weights, mass, n } = this.choice;
    return rank < n ? weights[rank] / mass[n - 1] : 0;
  }

  // Probabilities after all cuts of the best `many` candidates.
  best(many) {
    return Array.from({ length: many }, (_, rank) => this.final(rank));
  }

  sentence() {
    return `${this.heading}: kept ${this.facts[0][1].textContent}; drawn ${this.facts[2][1].textContent}.`;
  }
}
