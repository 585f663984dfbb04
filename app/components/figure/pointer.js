// What a point of the figure says, under the mouse, under a finger, or walked to with the arrow keys.

import { make, svg } from "../shared/elements.js";
import { cellSpot } from "./heat.js";
import { filled, lines } from "./text.js";

const NEAR = 36; // pixels

export class Pointer {
  constructor(root, svgElement) {
    this.root = root;
    this.svg = svgElement;
    this.tip = root.appendChild(make("div", "tip"));
    this.tip.setAttribute("role", "status");
    this.tip.hidden = true;
    const at = (event) => {
      const { left, top } = root.getBoundingClientRect();
      this.show(this.nearest(event.clientX - left, event.clientY - top));
    };
    root.addEventListener("pointermove", at);
    root.addEventListener("pointerdown", at);
    root.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.show(null));
    root.addEventListener("blur", () => this.show(null));
    root.addEventListener("keydown", (event) => event.target === root && this.walk(event));
  }

  // A picture was drawn: what was pointed at is shown as it is now.
  renew(scene) {
    this.scene = scene;
    const { spot } = this;
    if (!spot) return;
    const again = scene.heat
      ? this.cell(...spot.index)
      : scene.spots.find((s) => s.trace.name === spot.trace.name && s.index[0] === spot.index[0]);
    this.show(again ?? null);
  }

  cell(row, column) {
    const { trace, x, y } = this.scene.heat;
    const value = trace.z[row]?.[column];
    return value === undefined || (value === null && trace.hoverongaps === false) ? null : cellSpot(trace, x, y, row, column);
  }

  nearest(px, py) {
    const { heat, spots, box } = this.scene;
    if (px < box.left - NEAR || px > box.right + NEAR || py < box.top - NEAR || py > box.bottom + 8) return null;
    if (heat) {
      const index = (axis, pixel) =>
        Math.round(axis.low + ((pixel - axis.from) / (axis.to - axis.from)) * (axis.high - axis.low));
      return this.cell(index(heat.y, py), index(heat.x, px));
    }
    let best = null,
      least = Infinity;
    for (const spot of spots) {
      const [left, top, right, bottom] = spot.hit;
      const outside = Math.hypot(Math.max(left - px, 0, px - right), Math.max(top - py, 0, py - bottom));
      const far = 1000 * outside + Math.hypot(px - spot.x, py - spot.y);
      if (outside <= NEAR && far < least) [best, least] = [spot, far];
    }
    return best;
  }

  // Along a series with two of the arrows, from series to series (or row to row of a map) with the others.
  walk(event) {
    if (event.key === "Escape") return this.show(null);
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Home: [0, -1e9], End: [0, 1e9] }[
      event.key
    ];
    if (!step) return;
    event.preventDefault();
    const { heat, spots } = this.scene;
    if (heat) return this.walkMap(step);
    if (!spots.length) return;
    if (!this.spot) return this.show(spots[0]);
    const series = [...new Set(spots.map((s) => s.trace))];
    const here = series.indexOf(this.spot.trace);
    const [across, along] = series[0].orientation === "h" && Math.abs(step[1]) < 2 ? [step[1], step[0]] : step;
    const trace = series[Math.max(0, Math.min(series.length - 1, here + across))];
    const own = spots.filter((s) => s.trace === trace);
    const beside = own.findIndex((s) => s.index[0] >= this.spot.index[0]);
    const next = (beside < 0 ? own.length - 1 : beside) + along;
    this.show(own[Math.max(0, Math.min(own.length - 1, next))]);
  }

  walkMap([down, right]) {
    const { z } = this.scene.heat.trace;
    const [row, column] = this.spot?.index ?? [0, 0];
    const inside = (i, n) => Math.max(0, Math.min(n - 1, i));
    const next = this.spot ? [inside(row + down, z.length), inside(column + right, z[0].length)] : [0, 0];
    this.show(this.cell(...next) ?? this.spot ?? null);
  }

  show(spot) {
    if (spot && spot === this.spot) return;
    this.spot = spot;
    this.mark?.remove();
    this.tip.hidden = !spot;
    if (!spot) return;
    this.mark = this.svg.appendChild(this.ring(spot));
    this.tip.replaceChildren(
      ...lines(filled(spot.trace.hovertemplate ?? "", spot.trace, spot.index, this.scene.named)).map((line) => {
        const element = make("div");
        element.append(...line.map(([text, kind]) => (kind === "b" ? make("b", "", text) : text)));
        return element;
      }),
    );
    const { width } = this.scene.box;
    const { offsetWidth: wide, offsetHeight: high } = this.tip;
    this.tip.style.left = `${Math.max(0, Math.min(width - wide, spot.x - wide / 2))}px`;
    this.tip.style.top = `${spot.y - high - 12 >= 0 ? spot.y - high - 12 : (spot.box?.[3] ?? spot.y) + 12}px`;
  }

  ring({ box, x, y, radius = 3 }) {
    return box
      ? svg("rect", { x: box[0], y: box[1], width: box[2] - box[0], height: Math.max(0, box[3] - box[1]), class: "point" })
      : svg("circle", { cx: x, cy: y, r: radius + 3, class: "point" });
  }
}
