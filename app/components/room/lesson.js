// A lesson on its teacher's own page: the step, its note and what comes next, which no follower sees, and a projector only when asked.
import { make } from "../shared/elements.js";

const KEY = "glass-lesson"; // {source, at}: what this tab brings back after a reload, or a restart of the server
const RESTORE_EVERY = 10_000; // ms

export class LessonStrip {
  // place: where it stands; say(word, value): to the script.
  constructor({ place, say }) {
    this.say = (...said) => say("lesson", said);
    this.chip = make("button", "lesson-chip");
    this.chip.type = "button";
    this.chip.onclick = () => this.say("choose");
    this.strip = place.appendChild(make("aside", "lesson-strip"));
    this.strip.setAttribute("aria-label", "Lesson, for you alone");
    this.fold = this.strip.appendChild(make("details"));
    this.summary = this.fold.appendChild(make("summary"));
    this.body = this.fold.appendChild(make("div", "lesson-body"));
    // What floats above the footer stands above the strip.
    new ResizeObserver(() => place.host.style.setProperty("--strip", `${this.strip.offsetHeight}px`)).observe(this.strip);
    this.isAsked = false; // in a lecture it is hidden until somebody asks for it
    this.tried = 0;
    this.told = {};
  }

  // told: what the script says of the lesson (app.lessons.walking.told); isLecture: whether the page is on a projector.
  receive(told, isLecture) {
    if (isLecture && !this.isLecture) this.isAsked = false;
    this.isLecture = isLecture;
    this.told = told;
    this.at = told.at;
    this.keep();
    this.draw();
  }

  // What stands in the tab's memory and what the script knows become one.
  keep() {
    const { told } = this;
    if (told.source) {
      sessionStorage.setItem(KEY, JSON.stringify({ source: told.source, at: told.at }));
      this.say("kept");
    } else if (told.of) {
      const kept = this.kept();
      if (kept) sessionStorage.setItem(KEY, JSON.stringify({ ...kept, at: told.at }));
    } else if (told.ended) sessionStorage.removeItem(KEY);
    else if (this.kept() && Date.now() - this.tried > RESTORE_EVERY) {
      if (this.tried)
        sessionStorage.removeItem(KEY); // the script did not take it, and has said why
      else this.say("restore", this.kept().source, this.kept().at);
      this.tried = Date.now();
    }
    if (told.of) this.tried = 0;
  }

  kept() {
    try {
      return JSON.parse(sessionStorage.getItem(KEY));
    } catch {
      return null;
    }
  }

  // One step on (1) or back (-1); whether there is a lesson that is turned.
  turn(way) {
    const { of } = this.told;
    if (!of) return false;
    const wanted = this.at + way;
    if (wanted >= 0 && wanted < of) this.go(wanted);
    return true;
  }

  go(wanted) {
    this.at = wanted; // a second press may come before the script has answered
    this.say("go", wanted);
  }

  // Whether there is something before (-1) or after (1) this step; null without a lesson.
  has(way) {
    const { of } = this.told;
    return of ? this.at + way >= 0 && this.at + way < of : null;
  }

  toggle() {
    this.isAsked = !this.isAsked;
    this.fold.open = this.isAsked;
    this.draw();
  }

  draw() {
    const { told, chip, strip } = this;
    const is = Boolean(told.of);
    chip.textContent = is ? `Lesson ${told.at < 0 ? "" : `${told.at + 1} / `}${told.of}` : "Lesson";
    chip.title = "Steps and questions, prepared: choose one, open it ahead of the class";
    chip.classList.toggle("on", is);
    chip.classList.toggle("lecture", this.isLecture); // on a projector the pages need the room
    strip.hidden = !is || (this.isLecture && !this.isAsked);
    document.documentElement.classList.toggle("glass-lesson", !strip.hidden);
    const mark = JSON.stringify(told);
    if (!is || this.mark === mark) return;
    this.mark = mark;
    const now = told.at < 0 ? `${told.name}: not begun` : `${told.at + 1} of ${told.of}: ${told.title}`;
    this.summary.replaceChildren(make("b", "", now), make("span", "", told.next ? `Next: ${told.next}` : "The last step."));
    this.fill();
  }

  fill() {
    const { told, body } = this;
    body.replaceChildren();
    if (told.asks) body.append(make("p", "lesson-asks", `Asks: ${told.asks}`));
    body.append(make("p", "lesson-note", told.note || (told.at < 0 ? "Next begins it." : "This step has no note.")));
    const row = body.appendChild(make("div", "class-buttons"));
    const jump = row.appendChild(make("select"));
    jump.setAttribute("aria-label", "Go to a step");
    if (told.at < 0) jump.append(make("option", "", "Go to a step …"));
    told.steps.forEach((title, i) => {
      const option = jump.appendChild(make("option", "", `${i + 1}. ${title}`));
      option.value = i;
    });
    if (told.at >= 0) jump.value = told.at;
    jump.onchange = () => this.go(Number(jump.value));
    if (told.at >= 0) this.button(row, "Show this step again", () => this.say("go", told.at));
    if (told.asks) this.button(row, "Ask it now", () => this.say("ask"));
    this.button(row, "End the lesson", () => this.say("end"), "class-end");
  }

  button(row, label, act, kind = "") {
    const made = row.appendChild(make("button", kind, label));
    made.type = "button";
    made.onclick = act;
  }
}
