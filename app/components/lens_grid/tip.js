// What a cell says: its ten likeliest tokens with their probabilities, and the other measures.

import { make } from "../shared/elements.js";
import { percent } from "../shared/numbers.js";

export class Tip {
  constructor(root) {
    this.root = root;
    this.box = root.appendChild(make("div", "tip"));
    this.box.setAttribute("role", "status");
    this.box.hidden = true;
  }

  show(button, facts) {
    this.box.hidden = !button;
    if (!button) return;
    const list = make("ol");
    for (const [token, p] of facts.likeliest) {
      const line = list.appendChild(make("li"));
      line.style.setProperty("--p", p);
      line.append(make("b", "", token), make("span", "", percent(p)));
    }
    this.box.replaceChildren(make("div", "where", facts.where), list, ...facts.measures.map((text) => make("div", "soft", text)));
    const [cell, whole] = [button.getBoundingClientRect(), this.root.getBoundingClientRect()];
    const { offsetWidth: wide, offsetHeight: high } = this.box;
    const right = cell.right - whole.left + 12;
    const left = right + wide <= whole.width ? right : cell.left - whole.left - wide - 12;
    const beside = left >= 0;
    const down = beside ? Math.min(cell.top - whole.top - 20, whole.height - high) : cell.bottom - whole.top + 10;
    this.box.style.left = `${beside ? left : Math.max(0, Math.min(whole.width - wide, cell.left - whole.left - wide / 2))}px`;
    this.box.style.top = `${Math.max(beside ? 0 : -1e6, down)}px`;
  }
}
