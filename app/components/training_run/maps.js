// The attention of every head in one text, at one checkpoint: small maps to choose from, and the chosen one large.
import { LEFT_OUT, levelImage, levelOf, palette, sized } from "../map_canvas/scale.js";
import { make } from "../shared/elements.js";
import { fixed, percent } from "../shared/numbers.js";

const LABEL = 15; // pixels of a row's or a column's character
export const WHOLE = 65535; // a weight of 1, as weights travel

// The weights of one head: for each position, those of the positions up to it. flat: rows of growing length, one after another.
export function rowsOf(flat, size) {
  const rows = [];
  for (let row = 0, from = 0; row < size; from += ++row)
    rows.push(Array.from(flat.subarray(from, from + row + 1), (w) => w / WHOLE));
  return rows;
}

// Over how many positions a row is spread, which is 2 to the power of its entropy in bits; the mean over all rows.
export function spread(rows) {
  const one = (row) => 2 ** -row.reduce((sum, weight) => sum + (weight > 0 ? weight * Math.log2(weight) : 0), 0);
  return rows.reduce((sum, row) => sum + one(row), 0) / rows.length;
}

export class Maps {
  constructor(parent, onHead) {
    this.root = parent.appendChild(make("section", "maps"));
    this.title = this.root.appendChild(make("h2", "", "What each character attends to"));
    this.buttons = this.root.appendChild(make("div", "heads"));
    this.buttons.setAttribute("role", "group");
    this.buttons.setAttribute("aria-label", "Attention head");
    this.canvas = this.root.appendChild(make("canvas", "map"));
    this.canvas.setAttribute("role", "img");
    this.says = this.root.appendChild(make("p", "says"));
    this.onHead = onHead;
    this.head = 0;
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => this.tell());
  }

  // text: the characters as they are shown; names: of the heads.
  receive(text, names, head) {
    this.text = text;
    this.names = names;
    this.head = Math.max(0, Math.min(head, names.length - 1));
    this.buttons.replaceChildren(
      ...names.map((name, i) => {
        const button = make("button", "head");
        button.type = "button";
        button.title = name;
        button.setAttribute("aria-label", name);
        button.append(make("canvas"));
        button.onclick = () => {
          this.head = i;
          this.onHead?.(i);
          this.draw(this.weights, this.width);
        };
        return button;
      }),
    );
  }

  // weights: those of all heads at one checkpoint, one head after another.
  draw(weights, width) {
    if (!weights || !width) return;
    this.weights = weights;
    this.width = width;
    this.colours = palette(this.root, "attention", this.colours);
    const size = this.text.length;
    const each = (size * (size + 1)) / 2;
    [...this.buttons.children].forEach((button, head) => {
      button.setAttribute("aria-pressed", head === this.head);
      const context = sized(button.firstChild, 44, 44);
      context.imageSmoothingEnabled = true;
      context.drawImage(this.image(weights.subarray(head * each, (head + 1) * each), size), 0, 0, 44, 44);
    });
    const flat = weights.subarray(this.head * each, (this.head + 1) * each);
    this.rows = rowsOf(flat, size);
    this.cell = Math.max(8, Math.min(15, Math.floor((width - LABEL) / size)));
    const side = this.cell * size;
    const context = sized(this.canvas, LABEL + side, LABEL + side);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.image(flat, size), LABEL, LABEL, side, side);
    context.fillStyle = this.colours.soft;
    context.font = `${Math.min(13, this.cell + 2)}px ${this.colours.mono}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    this.text.forEach((sign, i) => {
      context.fillText(sign, LABEL + (i + 0.5) * this.cell, LABEL / 2);
      context.fillText(sign, LABEL / 2, LABEL + (i + 0.5) * this.cell);
    });
    this.tell();
  }

  image(flat, size) {
    const levels = new Uint8Array(size * size).fill(LEFT_OUT);
    for (let row = 0, from = 0; row < size; from += ++row)
      for (let col = 0; col <= row; col++) levels[row * size + col] = levelOf(flat[from + col] / WHOLE, "probability", 1);
    return levelImage(levels, size, size, this.colours.table);
  }

  tell() {
    const found = spread(this.rows);
    const even = (this.rows.length + 1) / 2;
    this.says.textContent = `${this.names[this.head]}: the attention of a character is spread over ${fixed(found, 1)} characters on average; evenly spread it would be ${fixed(even, 1)}.`;
    this.canvas.setAttribute(
      "aria-label",
      `Attention map of ${this.names[this.head]} over ${this.text.join("")}, rows attend to columns. ${this.says.textContent}`,
    );
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = box.width / this.canvas.clientWidth || 1; // a lecture enlarges
    const at = (pixel) => Math.floor((pixel / scale - LABEL) / this.cell);
    const [col, row] = [at(event.clientX - box.left), at(event.clientY - box.top)];
    if (!(row >= 0 && row < this.text.length && col >= 0 && col < this.text.length)) return this.tell();
    const weight = this.rows[row][col];
    const who = `“${this.text[row]}” (position ${row})`;
    this.says.textContent =
      col > row
        ? `${who} cannot see what comes later.`
        : `${who} gives “${this.text[col]}” (position ${col}) ${percent(weight)} of its attention.`;
  }
}
