// The panel: takes what Python sends, keeps the settings that the hand has changed since, and draws bars, strip, facts and hover.
import { Controls } from "../choice/controls.js";
import { inOrder, select } from "../choice/select.js";
import { make, tellDrawn } from "../shared/elements.js";
import { hand } from "../shared/hand.js";
import { fromPlanes, shelf, tokenText, unpack } from "../shared/shelf.js";
import { Bars } from "./bars.js";
import { Facts, Tip } from "./facts.js";
import { Strip } from "./strip.js";

export const styles = ["choice/controls.css"];
export const late = true;

const panels = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let panel = panels.get(parentElement);
  if (!panel) panels.set(parentElement, (panel = new Panel(parentElement)));
  panel.say = setTriggerValue;
  panel.takeStep(unpack(data));
}

class Panel {
  constructor(parent) {
    this.root = parent.appendChild(make("section", "panel waiting"));
    this.root.setAttribute("aria-label", "The choice of the next token");
    const hover = {
      choose: (rank) => this.choose(rank),
      enter: (rank, element, x) => this.hover(rank, element, x),
      leave: () => this.hover(null),
    };
    this.bars = new Bars(hover);
    this.strip = new Strip(hover);
    this.controls = new Controls({ input: () => this.move(), release: (settings) => this.release(settings) });
    this.head = this.addHead();
    this.facts = new Facts();
    this.tip = new Tip();
    this.veil = this.addVeil();
    this.root.append(this.head, this.bars.root, this.controls.root, this.strip.root, this.facts.root, this.tip.root);
    new ResizeObserver(() => this.redraw()).observe(this.root);
  }

  addHead() {
    const head = make("div", "top");
    const legend = head.appendChild(make("p", "legend"));
    for (const [kind, text] of [
      ["before", "before the cuts"],
      ["gained", "after renormalizing"],
      ["gone", "cut"],
    ])
      legend.append(make("i", kind), make("span", "", text));
    const label = head.appendChild(make("label", "guess"));
    this.guess = label.appendChild(make("input"));
    this.guess.type = "checkbox";
    this.guess.setAttribute("role", "switch");
    label.append(make("span", "", "Guess first"));
    label.title = "Hides the candidates and the choice until you reveal them";
    this.guess.addEventListener("change", () => this.tellGuess(this.guess.checked, false));
    return head;
  }

  addVeil() {
    const veil = this.bars.body.appendChild(make("div", "veil"));
    veil.append(make("p", "", "Which token comes next?"), make("p", "soft", "Take a guess, then look."));
    const button = veil.appendChild(make("button", "primary", "Reveal"));
    button.type = "button";
    button.addEventListener("click", () => {
      this.tellGuess(true, true);
      this.bars.rows[0].row.focus({ preventScroll: true });
    });
    return veil;
  }

  tellGuess(first, revealed) {
    this.said = { ...this.said, guess_first: first, revealed };
    this.say("guess", { first, revealed: revealed ? this.step.n_tokens : null });
    this.redraw();
  }

  // A step: the logits by token id, {header: {said, model, labels, n_tokens}, arrays: {logits}}; of two that are on their way, the last.
  async takeStep({ header, arrays }) {
    this.taken = arrays;
    const logits = await fromPlanes(arrays.logits.data);
    if (this.taken !== arrays) return;
    this.next = { ...header, ...inOrder(logits) };
    this.listen(header.said);
    this.listen(`vocabulary:${header.model}`);
    this.arrive();
  }

  // Step and settings travel by themselves, and either may come first.
  listen(name) {
    this.names ??= new Set();
    if (this.names.has(name)) return;
    this.names.add(name);
    shelf.addEventListener(name, () => this.arrive());
  }

  arrive() {
    const said = shelf.values.get(this.next.said)?.value;
    if (said?.n_tokens !== this.next.n_tokens) return; // one of the two is still on its way
    if (said !== this.heard) {
      this.controls.hear(said.settings);
      this.heard = this.said = said; // `said` may change here first, when the class reveals
    }
    if (this.next !== this.step) {
      this.step = this.next;
      this.base = select(this.step.logits, { temperature: 1, top_k: null, top_p: 1, min_p: 0 }, 0);
    }
    this.controls.settle(this.step.logits.length);
    this.root.classList.remove("waiting");
    this.root.classList.add("moving"); // bars glide to a new step, but never lag behind the hand
    this.draw();
    tellDrawn(this.root);
  }

  move() {
    this.redraw();
    hand.moved?.(this.next?.said, { settings: this.controls.settings });
  }

  redraw() {
    if (!this.step || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      this.root.classList.remove("moving");
      this.draw();
    });
  }

  draw() {
    const now = (this.now = this.state());
    this.guess.checked = this.said.guess_first;
    this.veil.hidden = !now.hidden;
    this.root.classList.toggle("disabled", this.said.disabled);
    this.bars.draw(now);
    this.strip.draw(now);
    this.controls.draw(now);
    this.facts.draw(now);
    this.hover(null);
  }

  // All that is drawn follows from this.
  state() {
    const { logits, ids, model, labels } = this.step;
    const { settings } = this.controls;
    const choice = select(logits, settings, this.said.u);
    const size = logits.length;
    const known = shelf.values.has(`vocabulary:${model}`);
    return {
      choice,
      logits,
      ids,
      size,
      u: this.said.u,
      stale: settings.seed !== this.said.settings.seed, // until Python has answered, u is that of another seed
      hidden: this.said.guess_first && !this.said.revealed,
      full: this.said.disabled,
      followed: this.said.followed,
      narrow: this.root.clientWidth < 700,
      stripWidth: this.strip.strip.clientWidth,
      label: (rank) => (known ? tokenText(model, ids[rank]) : (labels[rank] ?? `token ${ids[rank]}`)),
      base: (rank) => this.base.weights[rank] / this.base.mass[size - 1],
      before: (rank) => choice.weights[rank] / choice.mass[size - 1],
      final: (rank) => (rank < choice.n ? choice.weights[rank] / choice.mass[choice.n - 1] : 0),
      cutBy: (rank) => Object.keys(choice.kept).find((stage) => rank >= choice.kept[stage]),
    };
  }

  choose(rank) {
    if (this.now.hidden || this.said.disabled) return;
    this.say("choose", { id: this.now.ids[rank], length: this.step.n_tokens });
  }

  release(settings) {
    this.say("settings", settings);
    this.facts.announce(this.now);
  }

  hover(rank, element, x) {
    this.strip.highlight(rank);
    this.bars.rows.forEach(({ row, rank_ }) => row.classList.toggle("hovered", rank !== null && rank_ === rank));
    if (rank === null) this.tip.hide();
    else this.tip.show(rank, this.now, this.root, element, x);
  }
}
