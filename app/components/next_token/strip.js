// The kept candidates laid end to end from 0 to 1, and u as a dart in them. What is thinner than a few pixels becomes one region.

import { firstWhere } from "../choice/select.js";
import { make } from "../shared/elements.js";
import { count, fixed, percent } from "../shared/numbers.js";

const THINNEST = 4; // pixels
const ROOM_FOR_LABEL = 22;

export class Strip {
  // on: {choose(rank), enter(rank, element, x), leave()}
  constructor(on) {
    this.root = make("div", "strip-box");
    this.caption = this.root.appendChild(make("p", "caption"));
    this.strip = this.root.appendChild(make("div", "strip"));
    this.strip.setAttribute("role", "img");
    this.tail = this.strip.appendChild(make("div", "tail"));
    this.chosen = this.strip.appendChild(make("div", "chosen"));
    const svg = this.strip.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
    this.lines = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
    this.labels = this.strip.appendChild(make("div", "labels"));
    this.mark = this.strip.appendChild(make("div", "mark"));
    this.dart = this.root.appendChild(make("div", "dart"));
    const ends = this.root.appendChild(make("div", "ends"));
    this.zero = ends.appendChild(make("span", "", "0"));
    this.u = ends.appendChild(make("span", "u"));
    this.one = ends.appendChild(make("span", "", "1"));
    this.strip.addEventListener("pointermove", (event) => {
      const rank = event.pointerType === "mouse" ? this.rankAt(event.clientX) : null;
      if (rank === null) on.leave();
      else on.enter(rank, this.strip, event.clientX);
    });
    this.strip.addEventListener("pointerleave", on.leave);
    this.strip.addEventListener("click", (event) => {
      const rank = this.rankAt(event.clientX);
      if (rank !== null) on.choose(rank);
    });
  }

  rankAt(clientX) {
    if (!this.now || this.now.hidden) return null;
    const box = this.strip.getBoundingClientRect();
    const at = (clientX - box.left) / box.width;
    const { mass, n } = this.now.choice;
    return at < 0 || at >= 1 ? null : firstWhere(n - 1, (i) => mass[i] / mass[n - 1] > at);
  }

  draw(now) {
    this.now = now;
    const { choice, hidden } = now;
    const { mass, n } = choice;
    const width = now.stripWidth;
    const x = (i) => (i < 0 ? 0 : (width * mass[i]) / mass[n - 1]);
    let drawn = 0;
    while (drawn < n && x(drawn) - x(drawn - 1) >= THINNEST) drawn += 1;
    if (drawn === n - 1) drawn = n; // a region of one is that one
    this.root.classList.toggle("hidden-choice", hidden);
    this.drawCaption(now);
    this.lines.setAttribute("d", hidden ? "" : this.boundaries(x, drawn, n));
    this.drawTail(hidden ? width : x(drawn - 1), n - drawn, width);
    this.drawLabels(hidden ? 0 : drawn, x, now);
    this.chosen.hidden = hidden;
    this.chosen.style.left = `${width * choice.low}px`;
    this.chosen.style.width = `${Math.max(2, width * (choice.high - choice.low))}px`;
    this.chosen.classList.toggle("thin", choice.rank >= drawn);
    this.drawDart(now, width);
  }

  boundaries(x, drawn, n) {
    let path = "";
    for (let i = 0; i < drawn && i < n - 1; i++) path += `M${x(i).toFixed(2)} 0V60`;
    return path;
  }

  drawTail(left, more, width) {
    this.tail.hidden = more <= 0 || left >= width;
    this.tail.style.left = `${left}px`;
    this.tail.textContent = width - left > 70 ? `${count(more)} more` : "";
  }

  drawLabels(drawn, x, now) {
    let used = 0;
    for (let i = 0; i < drawn; i++) {
      const room = x(i) - x(i - 1);
      if (room < ROOM_FOR_LABEL) break; // the ones that follow are narrower still
      const label = this.labels.children[used] ?? this.labels.appendChild(make("span"));
      const text = now.label(i);
      if (text.length * 7.4 > room - 6 && room < 46) continue;
      if (label.textContent !== text) label.textContent = text;
      label.style.left = `${x(i - 1)}px`;
      label.style.width = `${room}px`;
      label.className = i === now.choice.rank ? "on" : "";
      used += 1;
    }
    while (this.labels.children.length > used) this.labels.lastChild.remove();
  }

  drawDart(now, width) {
    const { choice, u, stale } = now;
    this.dart.hidden = now.hidden;
    this.dart.classList.toggle("stale", stale);
    this.dart.style.left = `${100 * u}%`;
    this.u.textContent = now.hidden ? "" : stale ? "u …" : `u = ${fixed(u, 4)} → ${now.label(choice.rank)}`;
    const half = this.u.textContent.length * 3.8;
    this.u.style.left = `${Math.min(Math.max(width * u, half), width - half)}px`;
    this.zero.style.opacity = width * u < half + 24 ? 0 : 1;
    this.one.style.opacity = width * u > width - half - 24 ? 0 : 1;
    this.strip.setAttribute("aria-label", now.hidden ? "Hidden until revealed" : this.sentence(now));
  }

  sentence(now) {
    const { choice, u } = now;
    return (
      `${count(choice.n)} kept tokens laid end to end from 0 to 1. The random number ${fixed(u, 4)} falls on ` +
      `${now.label(choice.rank)}, which reaches from ${fixed(choice.low, 4)} to ${fixed(choice.high, 4)}.`
    );
  }

  drawCaption(now) {
    const { choice, size } = now;
    const share = choice.mass[choice.n - 1] / choice.mass[size - 1];
    const text = now.hidden
      ? "The kept tokens, laid end to end"
      : choice.n === 1
        ? "One token is kept: wherever the dart lands, it is chosen"
        : choice.n === size
          ? `All ${count(size)} tokens, laid end to end`
          : `The ${count(choice.n)} kept tokens, ${percent(share)} of the probability, laid end to end`;
    if (this.caption.textContent !== text) this.caption.textContent = text;
  }

  highlight(rank) {
    const choice = this.now?.choice;
    this.mark.hidden = rank === null || !choice || rank >= choice.n;
    if (this.mark.hidden) return;
    const total = choice.mass[choice.n - 1];
    const low = rank ? choice.mass[rank - 1] / total : 0;
    this.mark.style.left = `${100 * low}%`;
    this.mark.style.width = `max(2px, ${100 * (choice.mass[rank] / total - low)}%)`;
  }
}
