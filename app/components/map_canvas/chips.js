// The sequence as text above its map: chips tinted by how much the row in view reads each, with lines from the token that reads.
import { make, svg } from "../shared/elements.js";

export class LinkedText {
  constructor(parent, onPoint, onPick) {
    this.box = parent.appendChild(make("div", "text"));
    this.box.tabIndex = 0; // a long text scrolls
    this.box.setAttribute("role", "group");
    this.box.setAttribute("aria-label", "The text, shaded by the row that is pointed at");
    this.list = this.box.appendChild(make("div", "tokens"));
    this.lines = svg("svg", { class: "lines", "aria-hidden": "true" });
    this.onPoint = onPoint;
    this.chips = [];
    const index = (event) => this.chips.indexOf(event.target.closest?.(".token"));
    const point = (event) => (index(event) >= 0 ? onPoint(index(event)) : null);
    this.list.addEventListener("pointerover", point);
    this.list.addEventListener("pointerleave", (event) => event.pointerType === "touch" || onPoint(null));
    this.list.addEventListener("click", (event) => index(event) >= 0 && onPick(index(event)));
  }

  setTokens(tokens) {
    this.chips = tokens.map((token, i) => {
      const chip = make("span", "token", token);
      chip.title = `position ${i}`;
      return chip;
    });
    this.list.replaceChildren(this.lines, ...this.chips);
    this.list.classList.toggle("dense", tokens.length > 128);
    this.tinted = [];
  }

  // reads: [{index, level, share}] of the query in view; query, key: indices or null; pinned: the query that stays.
  show({ query, key, pinned, reads, colours }) {
    for (const chip of this.tinted) chip.removeAttribute("style");
    this.tinted = reads.map(({ index, level }) => {
      const chip = this.chips[index];
      chip.style.background = colours.css[level];
      chip.style.outline = "1px solid var(--line)";
      chip.style.color = colours.inks[level];
      return chip;
    });
    const mark = (name, index) => {
      this.list.querySelector(`.${name}`)?.classList.remove(name);
      if (index !== null && index !== undefined) this.chips[index]?.classList.add(name);
    };
    mark("query", query);
    mark("key", key);
    mark("pinned", pinned);
    this.draw(query, key, reads);
  }

  draw(query, key, reads) {
    if (query === null || query === undefined) return this.lines.replaceChildren();
    const { scrollHeight, clientWidth } = this.list;
    const strongest = reads
      .filter(({ share }) => share >= 0.01)
      .sort((a, b) => b.share - a.share)
      .slice(0, 24)
      .reverse();
    // All places are read before anything is written: in turns, every line would lay out the page once more.
    const lines = strongest.map(({ index, share }) => {
      const width = (0.8 + 6 * share).toFixed(2),
        opacity = (index === key ? 1 : 0.3 + 0.5 * share).toFixed(2);
      return svg("path", { d: this.path(this.chips[query], this.chips[index]), "stroke-width": width, opacity });
    });
    this.lines.setAttribute("viewBox", `0 0 ${clientWidth} ${scrollHeight}`);
    this.lines.style.height = `${scrollHeight}px`;
    this.lines.replaceChildren(...lines);
  }

  // In one line of text an arc above it; from line to line a curve between the facing edges.
  path(from, to) {
    const at = (chip, edge) => [
      chip.offsetLeft + chip.offsetWidth / 2,
      chip.offsetTop + (edge === "bottom" ? chip.offsetHeight : 0),
    ];
    if (from === to) {
      const [x, y] = at(from),
        reach = Math.min(12, from.offsetWidth / 3);
      return `M${x - reach} ${y}C${x - reach} ${y - 16} ${x + reach} ${y - 16} ${x + reach} ${y}`;
    }
    const gap = from.offsetTop - to.offsetTop;
    const [x1, y1] = at(from, gap < 0 ? "bottom" : "top"),
      [x2, y2] = at(to, gap > 0 ? "bottom" : "top");
    if (gap === 0) {
      const rise = Math.min(22, 8 + Math.abs(x1 - x2) * 0.1);
      return `M${x1} ${y1}C${x1} ${y1 - rise} ${x2} ${y2 - rise} ${x2} ${y2}`;
    }
    const bend = (y1 - y2) / 2;
    return `M${x1} ${y1}C${x1} ${y1 - bend} ${x2} ${y2 + bend} ${x2} ${y2}`;
  }

  // Bring a chip into the box's view without moving the page.
  reveal(index) {
    const chip = this.chips[index];
    if (!chip) return;
    const top = chip.offsetTop - 24,
      bottom = chip.offsetTop + chip.offsetHeight + 8;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (bottom > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = bottom - this.box.clientHeight;
  }
}
