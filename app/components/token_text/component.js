// The chips of one text in groups, the facts of the one pointed at above them, and a legend and a picture button below. The chips
// come over the shelf (components/vocabulary); `stamp` says which of them a header belongs to.
import { make, offer, saveButton, tellDrawn } from "../shared/elements.js";
import { shelf, unpack } from "../shared/shelf.js";
import { pictureOf } from "./picture.js";

export const late = true;
const texts = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let text = texts.get(parentElement);
  if (!text) texts.set(parentElement, (text = new TokenText(parentElement)));
  text.pick = (index) => setTriggerValue("pick", index);
  text.receive(unpack(data).header);
  return () => (text.close(), texts.delete(parentElement));
}

class TokenText {
  constructor(parent) {
    this.abort = new AbortController();
    this.listed = this.chips = [];
    this.root = parent.appendChild(make("section", "root"));
    this.readout = this.root.appendChild(make("div", "readout"));
    this.readout.setAttribute("aria-live", "polite");
    this.list = this.root.appendChild(make("ol", "text"));
    const foot = this.root.appendChild(make("div", "foot"));
    this.legend = foot.appendChild(make("p", "legend"));
    const save = foot.appendChild(saveButton("SVG"));
    save.addEventListener("click", () => this.save());
    const index = (event) => this.chips.indexOf(event.target.closest?.(".chip"));
    this.list.addEventListener("pointerover", (event) => index(event) >= 0 && this.explain(index(event)));
    this.list.addEventListener("pointerleave", () => this.explain(this.focus));
    this.list.addEventListener("focusin", (event) => this.explain(index(event)));
    this.list.addEventListener("click", (event) => index(event) >= 0 && this.choose(index(event)));
    this.list.addEventListener("keydown", (event) => this.move(event, index(event)));
  }

  receive(header) {
    if (this.header?.values !== header.values) {
      shelf.addEventListener(header.values, () => this.take(), { signal: this.abort.signal });
    }
    this.header = header;
    this.list.setAttribute("aria-label", header.label);
    this.legend.replaceChildren(...(header.legend ? [header.legend[0], document.createElement("i"), header.legend[1]] : []));
    this.take();
  }

  // Wait for the chips that fit the header; until then the last ones stand. Another focus alone builds none anew.
  take() {
    const kept = shelf.values.get(this.header.values)?.value;
    if (kept?.stamp !== this.header.stamp) return;
    const anew = this.stamp !== kept.stamp;
    if (anew) this.build(kept.chips);
    this.stamp = kept.stamp;
    this.mark(this.header.focus ?? null);
    this.reveal(this.chips[this.focus], anew);
    tellDrawn(this.root);
  }

  build(listed) {
    this.listed = listed;
    this.focus = null;
    this.chips = listed.map(([text, , , note, shade, kind]) => this.chip(text, note, shade, kind));
    const groups = [];
    listed.forEach(([text, group], i) => {
      if (i === 0 || group !== listed[i - 1][1]) groups.push(make("li", "group"));
      groups.at(-1).append(this.chips[i]);
      if (text.endsWith("↵") && group !== listed[i + 1]?.[1]) groups.push(make("li", "break"));
    });
    this.list.replaceChildren(...groups);
    for (const line of this.list.querySelectorAll(".break")) line.setAttribute("aria-hidden", "true");
  }

  // Bring a chip to the middle of a long text; one that is in view stays where it is, unless the text is new.
  reveal(chip, anew) {
    if (!chip) return;
    const top = chip.offsetTop - this.list.offsetTop,
      { scrollTop, clientHeight } = this.list;
    if (!anew && top >= scrollTop && top + chip.offsetHeight <= scrollTop + clientHeight) return;
    this.list.scrollTop = Math.max(0, top - clientHeight / 2);
  }

  close() {
    this.abort.abort();
    this.root.remove();
  }

  chip(text, note, shade, kind) {
    const chip = make("button", `chip ${kind}${shade === null ? "" : " shaded"}`);
    chip.type = "button";
    chip.tabIndex = -1;
    chip.append(make("span", "token", text));
    if (note) chip.append(make("span", "note", note));
    if (shade !== null) chip.style.setProperty("--shade", shade);
    return chip;
  }

  // Ring the chip that stays explained; one chip at a time is a stop of the tab key.
  mark(index) {
    const stop = (i, on) => this.chips[i] && (this.chips[i].tabIndex = on ? 0 : -1);
    stop(this.focus ?? 0, false);
    this.chips[this.focus]?.classList.remove("focus");
    this.focus = index;
    this.chips[index]?.classList.add("focus");
    stop(index ?? 0, true);
    this.explain(index);
  }

  explain(index) {
    const facts = this.listed[index]?.[2];
    this.readout.replaceChildren(
      ...(facts ?? [[this.header.hint]]).map((parts) => {
        const line = make("p");
        line.append(...parts.map((part, i) => (i % 2 ? make("code", "", part) : part)));
        return line;
      }),
    );
  }

  choose(index) {
    this.mark(index);
    this.pick(index);
  }

  move(event, index) {
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: this.chips.length - 1 }[event.key];
    if (index < 0 || next === undefined || !this.chips[next]) return;
    event.preventDefault();
    this.chips[index].tabIndex = -1;
    this.chips[next].tabIndex = 0;
    this.chips[next].focus();
  }

  save() {
    const name = this.header.label.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    offer(new Blob([pictureOf(this.list)], { type: "image/svg+xml" }), `${name}.svg`);
  }
}
