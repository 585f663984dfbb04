// A training as it was at its checkpoints: losses, what it writes, attention, the plane of its embeddings. What is looked at moves in
// the browser alone. Recorded and live runs are both drawn here.
import { Figure } from "../figure/figure.js";
import { make } from "../shared/elements.js";
import { count, fixed, percent } from "../shared/numbers.js";
import { lossFigure, placeOf } from "./chart.js";
import { Maps } from "./maps.js";
import { Plane } from "./plane.js";

export const styles = ["figure/component.css", "training_run/view.css"];
const FRAME = 420; // ms that each checkpoint stays while the run is played

export class RunView {
  // onRest(index): called when a hand has come to rest at a checkpoint; onShow(index): whenever another is shown; onHead(head): when a
  // head was chosen.
  constructor(parent, { onRest, onShow, onHead } = {}) {
    Object.assign(this, { onRest, onShow });
    this.root = parent.appendChild(make("div", "run"));
    this.losses = this.root.appendChild(make("div", "losses"));
    this.figure = new Figure(this.losses);
    this.figure.root.removeAttribute("tabindex"); // the slider is what a keyboard reads it with
    this.figure.svg.addEventListener("pointerdown", (event) => this.drag(event));
    this.scrub = this.losses.appendChild(make("div", "scrub"));
    this.play = this.button("▶ Play", () => (this.playing ? this.pause() : this.start()));
    this.play.classList.add("play");
    this.slider = this.scrub.appendChild(make("input"));
    Object.assign(this.slider, { type: "range", min: 0, max: 0, step: 1 });
    this.slider.setAttribute("aria-label", "Checkpoint");
    this.slider.addEventListener("input", () => (this.pause(), this.show(this.slider.valueAsNumber)));
    this.slider.addEventListener("change", () => this.rest(250));
    this.where = this.scrub.appendChild(make("output"));
    this.writes = this.root.appendChild(make("div", "writes"));
    this.writes.append(make("h2", "", "What it writes, with the same dice at every checkpoint"));
    this.list = this.writes.appendChild(make("ol", "samples"));
    this.now = this.root.appendChild(make("p", "sample"));
    this.says = this.root.appendChild(make("p", "says state"));
    this.passage = this.root.appendChild(make("p", "says state"));
    this.lower = this.root.appendChild(make("div", "lower"));
    this.maps = new Maps(this.lower, onHead);
    this.plane = new Plane(this.lower);
    this.resized = new ResizeObserver(() => this.root.clientWidth !== this.width && this.draw());
    this.resized.observe(this.root);
  }

  button(name, press) {
    const made = this.scrub.appendChild(make("button", "", name));
    made.type = "button";
    made.onclick = press;
    return made;
  }

  // run: as chart.js takes it, with prompt, samples, copied: [[start, length]] of each sample's longest run that stands in the training
  // text, text: characters of the maps, heads, maps: weights [checkpoint, ...], plane (or null); said: as chart.js takes it.
  receive(run, said, at, head = 0) {
    this.run = run;
    this.said = said;
    this.slider.max = Math.max(0, run.steps.length - 1);
    this.maps.receive(run.text, run.heads, head);
    this.plane.root.hidden = !run.plane;
    if (run.plane) this.plane.receive(run.plane);
    this.list.replaceChildren(...run.samples.map((_, i) => this.row(i)));
    this.show(at);
  }

  // A checkpoint more at the end of a live run; whoever looks at the newest goes on looking at it.
  append() {
    const last = this.run.steps.length - 1;
    const follows = this.at >= Number(this.slider.max);
    this.slider.max = last;
    if (this.run.plane) this.plane.receive(this.run.plane);
    for (let i = this.list.children.length; i <= last; i++) this.list.append(this.row(i));
    this.show(follows ? last : this.at);
  }

  row(i) {
    const item = make("li");
    const button = item.appendChild(make("button"));
    button.type = "button";
    button.append(
      make("b", "", count(this.run.steps[i])),
      make("span", "", this.run.prompt + this.run.samples[i].replaceAll("\n", " ")),
    );
    button.onclick = () => (this.pause(), this.show(i), this.rest(0));
    return item;
  }

  start() {
    if (this.at === this.run.steps.length - 1) this.show(0);
    this.play.textContent = "❚❚ Pause";
    this.playing = setInterval(() => {
      if (this.at < this.run.steps.length - 1) this.show(this.at + 1);
      if (this.at === this.run.steps.length - 1) this.pause(), this.rest(0);
    }, FRAME);
  }

  pause() {
    clearInterval(this.playing);
    this.playing = null;
    this.play.textContent = "▶ Play";
  }

  rest(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.onRest?.(this.at), delay);
  }

  // A finger or the mouse on the losses moves along the steps too.
  drag(event) {
    const picture = this.figure.svg;
    if (event.target.closest(".item") || !this.figure.box || !this.run.steps.length) return;
    const { left, right } = this.figure.box;
    const end = this.figure.spec.layout.xaxis.range[1];
    const move = ({ clientX }) => {
      const box = picture.getBoundingClientRect();
      const scale = box.width / (this.losses.clientWidth || box.width);
      const place = (((clientX - box.left) / scale - left) / (right - left)) * end;
      const far = (i) => Math.abs(placeOf(this.run.steps[i]) - place);
      this.pause();
      this.show(this.run.steps.reduce((best, _, i) => (far(i) < far(best) ? i : best), 0));
    };
    picture.setPointerCapture(event.pointerId);
    picture.onpointermove = move;
    picture.onpointerup = picture.onpointercancel = () => {
      picture.onpointermove = null;
      this.rest(0);
    };
    move(event);
  }

  show(at) {
    this.at = Math.max(0, Math.min(at, this.run.steps.length - 1));
    this.draw();
    this.onShow?.(this.at);
  }

  draw() {
    this.width = this.root.clientWidth;
    if (!this.width || !this.run) return;
    const began = performance.now();
    const { run, at } = this;
    this.figure.show(lossFigure(run, at, this.said));
    if (run.steps.length) this.drawCheckpoint(run, at);
    performance.measure("glass-training-run", { start: began });
  }

  drawCheckpoint(run, at) {
    this.slider.value = at;
    const loss = run.held_out[at];
    this.where.textContent = `step ${count(run.steps[at])}`;
    const likely = `held-out loss ${fixed(loss, 2)} nats per character: it gives the right character a probability of ${percent(Math.exp(-loss))} (geometric mean)`;
    this.slider.setAttribute("aria-valuetext", `step ${count(run.steps[at])}, ${likely}`);
    const [start, length] = run.copied[at] ?? [0, 0];
    const sample = run.samples[at];
    const copied = make("mark", "", sample.slice(start, start + length));
    copied.title = "The longest run that stands in its training text, letter by letter";
    this.now.replaceChildren(make("b", "", run.prompt), sample.slice(0, start), copied, sample.slice(start + length));
    this.says.textContent = `Step ${count(run.steps[at])}: ${likely}.`;
    const [before, after] = run.around[at];
    this.passage.replaceChildren(
      `The longest run that its text has too: ${count(length)} characters (text that nobody copied shares ${fixed(run.usual_run, 0)}). There: “…${before}`,
      make("mark", "", sample.slice(start, start + length)),
      `${after}…”`,
    );
    [...this.list.children].forEach((item, i) => item.firstChild.setAttribute("aria-current", i === at));
    const row = this.list.children[at];
    if (
      row &&
      (row.offsetTop < this.list.scrollTop || row.offsetTop + row.offsetHeight > this.list.scrollTop + this.list.clientHeight)
    )
      this.list.scrollTop = row.offsetTop - this.list.clientHeight / 2;
    const column = this.maps.root.clientWidth;
    this.maps.draw(run.maps[at], Math.min(column, 520));
    if (run.plane) this.plane.draw(at, this.plane.root.clientWidth);
  }

  close() {
    this.pause();
    clearTimeout(this.timer);
    this.resized.disconnect();
    this.figure.close();
    this.root.remove();
  }
}
