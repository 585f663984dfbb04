// The rows of the token embedding in a plane, a character each, which move as they are trained.
import { make, svg } from "../shared/elements.js";

const MARGIN = 16;

export class Plane {
  constructor(parent) {
    this.root = parent.appendChild(make("section", "plane"));
    this.root.append(make("h2", "", "Where its characters lie"));
    this.svg = this.root.appendChild(svg("svg", { role: "img" }));
    this.says = this.root.appendChild(make("p", "says"));
  }

  // names: the characters as they are shown; kinds: a class for each; planes: [checkpoint, character, 2] in one row; alt, says: texts.
  receive({ names, kinds, planes, alt, says }) {
    this.planes = planes;
    this.reach = planes.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
    this.signs = names.map((name, i) => svg("text", { class: kinds[i], "text-anchor": "middle", dy: "0.35em" }, name));
    this.size = ""; // its axes are placed anew
    this.svg.replaceChildren(svg("line", { class: "axis" }), svg("line", { class: "axis" }), ...this.signs);
    this.svg.setAttribute("aria-label", alt);
    this.says.textContent = says;
  }

  draw(at, width) {
    if (!this.signs || !width) return;
    const high = Math.min(width, 420);
    if (this.size !== `${width}`) {
      this.size = `${width}`;
      this.svg.setAttribute("viewBox", `0 0 ${width} ${high}`);
      this.svg.style.height = `${high}px`;
      const [across, down] = this.svg.querySelectorAll(".axis");
      for (const [name, value] of Object.entries({ x1: 0, x2: width, y1: high / 2, y2: high / 2 }))
        across.setAttribute(name, value);
      for (const [name, value] of Object.entries({ x1: width / 2, x2: width / 2, y1: 0, y2: high }))
        down.setAttribute(name, value);
    }
    const scale = (Math.min(width, high) / 2 - MARGIN) / this.reach;
    const from = 2 * at * this.signs.length;
    this.signs.forEach((sign, i) => {
      sign.setAttribute("x", width / 2 + scale * this.planes[from + 2 * i]);
      sign.setAttribute("y", high / 2 - scale * this.planes[from + 2 * i + 1]);
    });
  }
}
