// The best candidates as rows that keep their place: outline = probability before the cuts, fill = after (what it gained is
// lighter), hatched = cut.
// The last row tells of the rest, or shows the chosen token where it is further down.

import { axisEnd, tickText } from "../choice/scales.js";
import { sumOf } from "../choice/select.js";
import { make } from "../shared/elements.js";
import { count, fixed, percent } from "../shared/numbers.js";

export const STAGE_NAMES = { temperature: "greedy", top_k: "top-k", top_p: "top-p", min_p: "min-p" };
const MAX_ROWS = 12;
const NARROW_ROWS = 8;

export class Bars {
  // on: {choose(rank), enter(rank, element), leave()}
  constructor(on) {
    this.root = make("div", "bars");
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "The best candidates for the next token");
    const head = this.root.appendChild(make("div", "head row"));
    head.append(make("span", "rank", ""), make("span", "token", "token"));
    this.axis = head.appendChild(make("span", "axis"));
    head.append(make("span", "prob", "probability"), make("span", "logit", "logit"));
    this.ticks = [0, 0.5, 1].map((at) => {
      const tick = this.axis.appendChild(make("span", "tick"));
      tick.style.left = `${100 * at}%`;
      return { at, tick };
    });
    this.body = this.root.appendChild(make("div", "rows"));
    this.grid = this.body.appendChild(make("div", "grid"));
    this.rows = Array.from({ length: MAX_ROWS + 1 }, () => this.addRow(on));
    this.knives = ["top_k", "top_p", "min_p", "temperature"].map((stage) => {
      const line = this.body.appendChild(make("div", "knife"));
      line.append(make("span", "", stage === "temperature" ? "greedy" : `cut by ${STAGE_NAMES[stage]}`));
      return { stage, line };
    });
    this.body.addEventListener("keydown", (event) => this.onKey(event));
    this.end = 1;
  }

  addRow(on) {
    const row = this.body.appendChild(make("button", "row"));
    row.type = "button";
    row.tabIndex = this.body.querySelectorAll("button").length === 1 ? 0 : -1; // one stop for the tab key, arrows within
    const parts = Object.fromEntries(
      ["rank", "token", "track", "prob", "logit"].map((name) => [name, row.appendChild(make("span", name))]),
    );
    parts.fill = parts.track.appendChild(make("i", "fill"));
    parts.outline = parts.track.appendChild(make("i", "outline"));
    const entry = { row, ...parts, rank_: null };
    row.addEventListener("click", () => entry.rank_ !== null && on.choose(entry.rank_));
    row.addEventListener(
      "pointerenter",
      (event) => event.pointerType === "mouse" && entry.rank_ !== null && on.enter(entry.rank_, row),
    );
    row.addEventListener("focus", () => entry.rank_ !== null && row.matches(":focus-visible") && on.enter(entry.rank_, row));
    row.addEventListener("pointerleave", on.leave);
    row.addEventListener("blur", on.leave);
    return entry;
  }

  onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const open = this.rows.filter(({ row }) => !row.hidden && !row.disabled).map(({ row }) => row);
    const next = open[open.indexOf(event.target) + step];
    if (next) {
      for (const row of open) row.tabIndex = row === next ? 0 : -1;
      next.focus();
    }
    event.preventDefault();
  }

  // now: the state that component.js makes
  draw(now) {
    const { choice, size, hidden } = now;
    const shown = Math.min(now.narrow ? NARROW_ROWS : MAX_ROWS, size);
    this.root.classList.toggle("veiled", hidden);
    this.grid.style.setProperty("--shown", shown);
    this.setAxis(Math.max(now.final(0), now.before(0)));
    this.rows.forEach((entry, i) => {
      const last = i === MAX_ROWS;
      entry.row.hidden = !last && i >= shown;
      if (last) this.drawLast(entry, now, shown);
      else if (i < shown) this.drawRow(entry, i, now);
    });
    for (const { stage, line } of this.knives) {
      const at = choice.kept[stage];
      const before = { top_k: choice.kept.temperature, top_p: choice.kept.top_k, min_p: choice.kept.top_p, temperature: size }[
        stage
      ];
      line.hidden = hidden || at >= before || at >= shown;
      line.style.setProperty("--at", at);
    }
  }

  drawRow(entry, rank, now) {
    const { choice, hidden } = now;
    const kept = rank < choice.n;
    const chosen = rank === choice.rank && !hidden;
    const p = kept ? now.final(rank) : now.before(rank);
    entry.rank_ = hidden ? null : rank;
    entry.row.disabled = hidden;
    const followed = !hidden && now.followed !== null && now.ids[rank] === now.followed;
    entry.row.className = `row${kept ? "" : " cut"}${chosen ? " chosen" : ""}${followed ? " followed" : ""}`;
    entry.rank.textContent = count(rank + 1);
    entry.token.textContent = hidden ? "" : now.label(rank);
    entry.prob.textContent = hidden ? "" : percent(p);
    entry.logit.textContent = hidden ? "" : fixed(now.logits[rank], 2);
    entry.fill.style.width = `${hidden || !kept ? 0 : (100 * p) / this.end}%`;
    entry.outline.hidden = now.before(rank) === 0;
    entry.outline.style.width = `${hidden ? 0 : (100 * now.before(rank)) / this.end}%`;
    const fate = kept ? "" : `, cut by ${STAGE_NAMES[now.cutBy(rank)]}`;
    entry.row.setAttribute(
      "aria-label",
      hidden
        ? "hidden"
        : `${now.label(rank)}, rank ${rank + 1}, probability ${percent(p)}${fate}${chosen ? ", chosen" : ""}${followed ? ", follows in the text" : ""}`,
    );
  }

  drawLast(entry, now, shown) {
    const { choice, size, hidden } = now;
    if (!hidden && choice.rank >= shown) {
      this.drawRow(entry, choice.rank, now);
      entry.row.classList.add("far");
      return;
    }
    entry.rank_ = null;
    entry.row.disabled = true;
    entry.row.className = "row rest";
    entry.rank.textContent = entry.prob.textContent = entry.logit.textContent = "";
    entry.fill.style.width = entry.outline.style.width = "0";
    const more = size - shown;
    const share = sumOf(choice.weights, shown, choice.n) / choice.mass[choice.n - 1];
    const text =
      more <= 0 || hidden ? "" : `${count(more)} more tokens${choice.n > shown ? `, together ${percent(share)}` : ", all cut"}`;
    entry.token.textContent = text;
    entry.row.setAttribute("aria-label", text);
  }

  setAxis(longest) {
    const end = axisEnd(longest);
    if (end === this.end && this.ticks[2].tick.textContent) return;
    this.end = end;
    for (const { at, tick } of this.ticks) tick.textContent = tickText(at * end);
  }
}
