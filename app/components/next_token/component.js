// The panel: takes what Python sends, keeps the settings that the hand has changed since, and draws bars, strip, facts and hover.

const panels = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let panel = panels.get(parentElement);
  if (!panel) panels.set(parentElement, (panel = new Panel(parentElement)));
  panel.say = setTriggerValue;
  panel.receive(data);
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
    this.controls = new Controls({ input: () => this.redraw(), release: (settings) => this.release(settings) });
    this.head = this.addHead();
    this.facts = new Facts();
    this.tip = new Tip();
    this.veil = this.addVeil();
    this.root.append(this.head, this.bars.root, this.controls.root, this.strip.root, this.facts.root, this.tip.root);
    this.unanswered = []; // settings told to Python that have not come back yet
    new ResizeObserver(() => this.redraw()).observe(this.root);
  }

  addHead() {
    const head = make("div", "top");
    const legend = head.appendChild(make("p", "legend"));
    for (const [kind, text] of [["before", "before the cuts"], ["gained", "gained"], ["gone", "cut"]]) legend.append(make("i", kind), make("span", "", text));
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
    this.data = { ...this.data, guess_first: first, revealed };
    this.say("guess", { first, revealed: revealed ? this.data.n_tokens : null });
    this.redraw();
  }

  // New data. Settings that answer what the hand has set are not taken over it; settings that differ from all that are.
  receive(data) {
    this.data = data;
    const said = JSON.stringify(data.settings);
    const answered = this.unanswered.indexOf(said);
    this.unanswered.splice(0, answered + 1);
    this.incoming = said === this.heard || answered >= 0 ? this.incoming : data.settings;
    this.heard = said;
    for (const name of [data.ranking, `vocabulary:${data.model}`]) this.listen(name);
    this.arrive();
  }

  // The ranking travels by itself and may arrive before or after the rest.
  listen(name) {
    this.names ??= new Set();
    if (this.names.has(name)) return;
    this.names.add(name);
    shelf.addEventListener(name, () => this.arrive());
  }

  arrive() {
    const ranking = shelf.values.get(this.data.ranking);
    if (ranking?.version !== this.data.version) return;
    this.shown = this.data;
    if (ranking !== this.ranking) {
      this.ranking = ranking;
      this.base = select(ranking.logits.data, { temperature: 1, top_k: null, top_p: 1, min_p: 0 }, 0);
    }
    if (this.incoming && !this.controls.dragging) {
      this.controls.take(this.incoming, ranking.logits.data.length);
      this.incoming = null;
    }
    this.root.classList.remove("waiting");
    this.root.classList.add("moving"); // bars glide to a new step, but never lag behind the hand
    this.draw();
  }

  redraw() {
    if (!this.shown || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      this.root.classList.remove("moving");
      this.draw();
    });
  }

  draw() {
    const now = (this.now = this.state());
    this.guess.checked = this.data.guess_first;
    this.veil.hidden = !now.hidden;
    this.root.classList.toggle("disabled", this.data.disabled);
    this.bars.draw(now);
    this.strip.draw(now);
    this.controls.draw(now);
    this.facts.draw(now);
    this.hover(null);
  }

  // All that is drawn follows from this.
  state() {
    const logits = this.ranking.logits.data;
    const ids = this.ranking.ids.data;
    const { settings } = this.controls;
    const choice = select(logits, settings, this.shown.u);
    const size = logits.length;
    const width = this.root.clientWidth;
    const { model, labels } = this.shown;
    const known = shelf.values.has(`vocabulary:${model}`);
    return {
      choice, logits, ids, size, settings,
      u: this.shown.u,
      stale: settings.seed !== this.shown.settings.seed,
      hidden: this.data.guess_first && !this.data.revealed,
      narrow: width < 700,
      stripWidth: this.strip.strip.clientWidth,
      label: (rank) => (known ? tokenText(model, ids[rank]) : (labels[rank] ?? `token ${ids[rank]}`)),
      base: (rank) => this.base.weights[rank] / this.base.mass[size - 1],
      before: (rank) => choice.weights[rank] / choice.mass[size - 1],
      final: (rank) => (rank < choice.n ? choice.weights[rank] / choice.mass[choice.n - 1] : 0),
      cutBy: (rank) => Object.keys(choice.kept).find((stage) => rank >= choice.kept[stage]),
    };
  }

  choose(rank) {
    if (this.now.hidden || this.data.disabled) return;
    this.say("choose", { id: this.now.ids[rank], length: this.shown.n_tokens });
  }

  release(settings) {
    this.unanswered.push(JSON.stringify(settings));
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
