// What the picture says in figures: the choice, what is left, how uncertain it is, and the sum as a check. And the hover.

import { choices } from "../choice/scales.js";
import { make } from "../shared/elements.js";
import { count, finePercent, fixed, percent } from "../shared/numbers.js";
import { STAGE_NAMES } from "./bars.js";

export class Facts {
  constructor() {
    this.root = make("div", "facts");
    const list = this.root.appendChild(make("dl"));
    this.entries = ["Chosen", "Kept", "Uncertainty before the cuts", "Uncertainty after"].map((name) => {
      const box = list.appendChild(make("div"));
      box.append(make("dt", "", name));
      return [box.appendChild(make("dd", "main")), box.appendChild(make("dd"))];
    });
    this.entries[0][0].classList.add("token-fact");
    this.check = this.root.appendChild(make("p", "check"));
    this.live = this.root.appendChild(make("p", "for-ears"));
    this.live.setAttribute("aria-live", "polite");
  }

  draw(now) {
    const { choice, size, hidden } = now;
    const total = choice.mass[choice.n - 1];
    let sum = 0;
    for (let i = 0; i < choice.n; i++) sum += choice.weights[i] / total;
    const texts = hidden
      ? Array(4).fill(["–", ""])
      : [
          [
            now.label(choice.rank),
            `rank ${count(choice.rank + 1)}, drawn with probability ${percent(now.final(choice.rank))}; the model gave it ${percent(now.base(choice.rank))}`,
          ],
          [
            `${count(choice.n)} of ${count(size)}`,
            `${percent(total / choice.mass[size - 1])} of the probability after temperature`,
          ],
          uncertainty(choice.entropy),
          uncertainty(choice.finalEntropy),
        ];
    this.entries.forEach(([main, rest], i) => {
      main.textContent = texts[i][0];
      rest.textContent = texts[i][1];
    });
    this.check.textContent = `The probabilities of all ${count(size)} tokens sum to ${fixed(sum, 6)}`;
    this.check.classList.toggle("wrong", fixed(sum, 6) !== "1.000000");
  }

  announce(now) {
    this.live.textContent = now.hidden ? "" : `Chosen: ${now.label(now.choice.rank)}, ${percent(now.final(now.choice.rank))}`;
  }
}

function uncertainty(bits) {
  return [
    `${fixed(bits, 2)} bits`,
    `as uncertain as among ${choices(bits)} equally likely token${choices(bits) === "1" ? "" : "s"}`,
  ];
}

export class Tip {
  constructor() {
    this.root = make("div", "tip");
    this.root.hidden = true;
    this.title = this.root.appendChild(make("p", "title"));
    this.table = this.root.appendChild(make("dl"));
    this.hint = this.root.appendChild(make("p", "hint"));
  }

  // Over the pointer on the strip, under a row where its bar leaves room; inside the panel always.
  show(rank, now, panel, element, x) {
    this.fill(rank, now);
    this.root.hidden = false;
    const frame = panel.getBoundingClientRect();
    const box = element.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.root;
    const left =
      (x === undefined ? element.querySelector(".track").getBoundingClientRect().right - width : x - width / 2) - frame.left;
    const below = box.bottom - frame.top + 6;
    this.root.style.left = `${Math.min(Math.max(8, left), frame.width - width - 8)}px`;
    this.root.style.top = `${x !== undefined || box.bottom + height + 12 > innerHeight ? box.top - frame.top - height - 8 : below}px`;
  }

  fill(rank, now) {
    const { choice } = now;
    const kept = rank < choice.n;
    const total = choice.mass[choice.n - 1];
    const low = rank ? choice.mass[rank - 1] / total : 0;
    this.title.textContent = now.label(rank);
    const rows = [
      ["token id", `${now.ids[rank]}`],
      ["rank", `${count(rank + 1)} of ${count(now.size)}`],
      ["logit", fixed(now.logits[rank], 3)],
      ["at temperature 1", finePercent(now.base(rank))],
      ["after temperature", finePercent(now.before(rank))],
      ["after the cuts", kept ? finePercent(now.final(rank)) : `cut by ${STAGE_NAMES[now.cutBy(rank)]}`],
      ["on the strip", kept ? `${fixed(low, 4)} to ${fixed(choice.mass[rank] / total, 4)}` : "–"],
    ];
    this.table.textContent = "";
    for (const [name, value] of rows) this.table.append(make("dt", "", name), make("dd", "", value));
    const next = now.full ? "No place is left for it" : "Choose it to continue with it";
    this.hint.textContent = rank === choice.rank ? `Chosen. ${next}` : next;
  }

  hide() {
    this.root.hidden = true;
  }
}
