// Asks the server for news of the training that runs, as long as the page is there, and draws it.
import { make } from "../shared/elements.js";
import { count, fixed } from "../shared/numbers.js";
import { unpack } from "../shared/shelf.js";
import { turn } from "../training_run/chart.js";
import { RunView } from "../training_run/view.js";
import { emptyRun, status, take } from "./news.js";

export const styles = ["figure/component.css", "training_run/view.css"];

const EVERY = 700; // ms between two questions
const EVERY_WATCHER = 2000; // of a class's followers, who may be hundreds
const ROOT = new URL("../../../../", import.meta.url); // of the app, also where this is drawn on another page of it
const KEPT = 3; // runs of before to compare with
const lives = new WeakMap();

// watches: whether nobody sits here who could have started it.
export default function ({ data, parentElement, setTriggerValue, watches = false }) {
  let live = lives.get(parentElement);
  if (!live) lives.set(parentElement, (live = new Live(parentElement)));
  live.watches = watches;
  live.say = (said) => setTriggerValue("press", said);
  live.receive(unpack(data).header);
  return () => (live.close(), lives.delete(parentElement));
}

class Live {
  constructor(parent) {
    this.root = parent.appendChild(make("section", "live"));
    this.bar = this.root.appendChild(make("div", "bar"));
    this.status = this.bar.appendChild(make("p", "status"));
    this.ears = this.bar.appendChild(make("p", "for-ears")); // what goes on without the steps, which would never be silent
    this.ears.setAttribute("role", "status");
    this.buttons = this.bar.appendChild(make("div", "buttons"));
    this.pause = this.button("❚❚ Pause", () => this.press(this.news?.state === "paused" ? "play" : "pause"));
    this.step = this.button("One step", () => this.press("step"));
    this.stop = this.button("■ Stop", () => this.press("stop"));
    const label = this.buttons.appendChild(make("label", "", "Speed "));
    this.speed = label.appendChild(make("select"));
    this.speed.onchange = () => this.say({ speed: Number(this.speed.value) });
    this.verdict = make("p", "verdict");
    this.view = new RunView(this.root);
    this.view.root.before(this.verdict);
    this.view.root.hidden = true; // until there are steps
    this.run = emptyRun();
    this.known = { number: 0, rows: 0 };
    this.before = []; // finished runs, the newest last
    this.ask = this.ask.bind(this);
  }

  button(name, press) {
    const made = this.buttons.appendChild(make("button", "", name));
    made.type = "button";
    made.onclick = press;
    return made;
  }

  press(word) {
    this.say({ word });
    clearTimeout(this.timer);
    this.timer = setTimeout(this.ask, 150);
  }

  receive(header) {
    const first = !this.header;
    this.header = header;
    if (first)
      this.speed.replaceChildren(...header.speeds.map((speed) => new Option(speed ? `${speed} per second` : "full", speed)));
    this.run.others = this.others();
    this.view.receive(this.run, header.said, this.view.at ?? 0, this.view.maps.head);
    clearTimeout(this.timer);
    this.ask();
  }

  others() {
    return [...this.header.others, ...this.before.slice(-KEPT)];
  }

  async ask() {
    if (this.asking) return;
    this.asking = true;
    const { number, rows } = this.known;
    const address = new URL(this.header.address, ROOT);
    const visitor = this.watches ? 0 : this.header.visitor;
    address.search = new URLSearchParams({ visitor, training: number, rows });
    let said = null;
    try {
      const answer = await fetch(address);
      if (answer.ok) said = await answer.json();
    } catch {
      said = null; // no connection: it is asked again
    }
    this.asking = false;
    clearTimeout(this.timer);
    if (this.closed) return;
    this.timer = setTimeout(this.ask, this.watches ? EVERY_WATCHER : EVERY);
    if (said) this.hear({ ...said, watches: this.watches });
    else this.status.textContent = "The server does not answer; it is asked again.";
  }

  hear(said) {
    const last = this.news;
    this.news = said;
    if (said.number && said.number !== this.known.number && this.run.steps.length > 3)
      this.before.push({ name: last.title, steps: this.run.steps, held_out: this.run.held_out });
    const change = take(this.run, this.known, said, this.others());
    this.root.hidden = false;
    if (change === "new")
      this.view.receive(this.run, this.header.said, Math.max(0, this.run.steps.length - 1), this.view.maps.head);
    else if (change === "rows") this.view.append();
    this.view.root.hidden = !this.run.steps.length;
    this.status.textContent = status(said, (value) => fixed(value, 1), count);
    const told = status({ ...said, progress: {} }, (value) => fixed(value, 1), count);
    if (this.ears.textContent !== told) this.ears.textContent = told;
    const mine = said.mine && said.number && said.state !== "ended";
    this.buttons.hidden = !mine && !said.place;
    for (const each of [this.pause, this.step, this.speed.parentElement]) each.hidden = !mine;
    this.pause.textContent = said.state === "paused" ? "▶ Play" : "❚❚ Pause";
    this.stop.textContent = mine ? "■ Stop" : "Leave the queue";
    if (this.root.getRootNode().activeElement !== this.speed) this.speed.value = said.speed ?? 0;
    this.judge();
  }

  // What the losses say so far.
  judge() {
    const { steps, seconds, training, held_out: heldOut } = this.run;
    if (!steps.length) {
      this.verdict.textContent = "";
      return;
    }
    const at = turn(heldOut);
    const now = `Now: ${fixed(training.at(-1), 2)} nats per character on its own text, ${fixed(heldOut.at(-1), 2)} on held-out text.`;
    this.verdict.textContent =
      at < 0
        ? `The loss on held-out text has not turned so far. ${now}`
        : `The loss on held-out text was lowest at step ${count(steps[at])} (after ${fixed(seconds[at], 1)} s of processor time), at ${fixed(heldOut[at], 2)}. Since then it rises while the other falls: what it learns now holds for its own text only. It overfits. ${now}`;
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.view.close();
    this.root.remove();
  }
}
