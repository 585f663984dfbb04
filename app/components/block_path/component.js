// Vectors as strips: every strip answers to the same pointed-at value, so that a sum can be read down the page.

import { make, saveButton } from "../shared/elements.js";
import { percent, significant } from "../shared/numbers.js";
import { unpack } from "../shared/shelf.js";
import { drawRail, paintStrip, palette, savePicture } from "./strips.js";

const paths = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let path = paths.get(parentElement);
  if (!path) paths.set(parentElement, (path = new Path(parentElement)));
  path.open = (page) => setTriggerValue("open", page);
  path.show(unpack(data));
  return () => (path.close(), paths.delete(parentElement));
}

class Path {
  constructor(parent) {
    this.root = parent.appendChild(make("section", "path"));
    this.resized = new ResizeObserver(() => this.root.clientWidth && this.draw());
    this.resized.observe(this.root);
  }

  close() {
    this.resized.disconnect();
    this.root.remove();
  }

  show({ header, arrays }) {
    const stamp = JSON.stringify([header.rows.map((row) => row[0]), header.pointed]);
    if (stamp !== this.stamp) this.pointed = header.pointed;
    Object.assign(this, { stamp, header, arrays });
    const { rows, columns, title } = header;
    this.root.setAttribute("aria-label", title);
    this.root.style.setProperty("--figures", columns.length);
    this.root.style.setProperty("--rail", rows.some((row) => row[5]) ? "44px" : "0px");
    this.head = make("div", "head");
    this.head.append(make("span"), make("span", "", "Station"), make("span", "", "Values"));
    this.head.append(...columns.map((name) => make("span", "", name)), make("span"));
    this.rail = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.rail.setAttribute("class", "rail");
    this.rail.setAttribute("aria-hidden", "true");
    this.lines = rows.map((row, i) => this.line(row, i));
    const foot = make("div", "foot");
    const legend = make("span", "legend");
    const entry = (low, bar, high) => legend.appendChild(make("span")).append(low, bar, high);
    this.bars = { signed: make("i"), attention: make("i") };
    entry("below 0", this.bars.signed, "above 0");
    if (rows.some((row) => row[8] === "attention")) entry("weight 0", this.bars.attention, "largest");
    const save = saveButton("PNG");
    save.onclick = () => this.save();
    foot.append(legend, save);
    this.root.replaceChildren(this.head, ...this.lines.map((line) => line.box), foot, this.rail);
    this.draw();
  }

  line([name, below, stage, figures, , , page], i) {
    const box = make("div", "row");
    box.style.setProperty("--stage", `var(--${stage.replace("_", "-")})`);
    const label = box.appendChild(make("div", "name"));
    const heading = label.appendChild(make("b", "", page ? "" : name));
    if (page) {
      const link = heading.appendChild(make("button", "", name));
      link.type = "button";
      link.onclick = () => this.open(page);
    }
    label.append(make("small", "", below));
    const strip = box.appendChild(make("div", "strip"));
    if (this.arrays[`gone${i}`]) strip.classList.add("marked");
    const canvas = strip.appendChild(make("canvas"));
    const cross = strip.appendChild(make("i"));
    strip.tabIndex = 0;
    strip.setAttribute("role", "slider");
    strip.setAttribute("aria-valuemin", 0);
    strip.setAttribute("aria-valuemax", this.values(i).length - 1);
    const at = (event) => {
      const { left, width } = strip.getBoundingClientRect();
      this.point(Math.floor(((event.clientX - left) / width) * this.values(i).length), i);
    };
    strip.onpointermove = strip.onpointerdown = at;
    strip.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) event.preventDefault(), this.point(this.pointed + step, i);
    };
    const cells = figures.map((figure, k) => {
      const cell = make("span", "figure");
      cell.append(make("em", "", this.header.columns[k]), figure);
      return cell;
    });
    const read = make("span", "figure read");
    box.append(...cells, read);
    return { box, strip, canvas, cross, read, name };
  }

  values(i) {
    return this.arrays[`values${i}`].data;
  }

  draw() {
    if (!this.header) return;
    this.colours = palette(this.root);
    for (const [scale, bar] of Object.entries(this.bars)) {
      bar.style.background = `linear-gradient(90deg, ${this.colours.scales[scale].join(",")})`;
    }
    this.lines.forEach((line, i) => {
      const [gone, row] = [this.arrays[`gone${i}`]?.data, this.header.rows[i]];
      paintStrip(line.canvas, this.values(i), row[4], row[8], this.colours, gone);
    });
    drawRail(this.rail, this.root, this.lines, this.header.rows);
    this.point(this.pointed, 0);
  }

  // Read out one value everywhere; a strip with fewer values is read at its last.
  point(wanted, row) {
    this.pointed = Math.max(0, Math.min(wanted, this.values(row).length - 1));
    const counted = this.header.rows[row][7];
    this.head.lastChild.textContent = `${counted} ${this.pointed}`;
    this.lines.forEach((line, i) => {
      const [values, gone] = [this.values(i), this.arrays[`gone${i}`]?.data];
      const written = this.header.rows[i][8] === "probability" ? percent : significant;
      const mine = this.header.rows[i][7] === counted && this.pointed < values.length;
      line.cross.hidden = !mine;
      line.cross.style.left = `calc(${((this.pointed + 0.5) / values.length) * 100}% - 0.75px)`;
      const text = mine ? (gone?.[this.pointed] ? "zeroed" : written(values[this.pointed])) : "";
      line.read.replaceChildren(make("em", "", mine ? `${counted} ${this.pointed}` : ""), text);
      line.strip.setAttribute("aria-label", `${line.name}, values`);
      line.strip.setAttribute("aria-valuenow", mine ? this.pointed : 0);
      line.strip.setAttribute("aria-valuetext", mine ? `${counted} ${this.pointed}: ${text}` : "");
    });
  }

  save() {
    savePicture(this.header, this.lines, this.colours, (i) => [this.values(i), this.arrays[`gone${i}`]?.data]);
  }
}
