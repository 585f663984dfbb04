// The teacher's side of a question: what can be asked, how many have voted, and what becomes of it.
import { make } from "../shared/elements.js";
import { count } from "../shared/numbers.js";
import { passage } from "./ballot.js";
import { afterState, remember, remembered } from "./reopening.js";
import { drawResult, sentences } from "./result.js";

const WAYS = {
  open: [
    ["close", "Close the vote"],
    ["reveal", "Close and reveal"],
  ],
  closed: [
    ["again", "Vote again"],
    ["reveal", "Reveal"],
    ["done", "Done"],
  ],
  revealed: [["done", "Done"]],
};

// What can be done with a question now: [word of the protocol, what its button says].
export function waysOf({ status, round }) {
  return WAYS[status].filter(([what]) => what !== "again" || round < 2);
}

export class Chair {
  // place: where it stands; say(word, more): over the class's socket; script(word): to the script, whose model guesses are about.
  constructor(place, say, script) {
    Object.assign(this, { say, script });
    this.box = place.appendChild(make("aside", "ask ask-chair"));
    this.box.setAttribute("aria-label", "Question to the class");
    this.box.hidden = true;
    this.says = make("p", "ask-status");
    this.ears = place.appendChild(make("p", "for-ears"));
    this.ears.setAttribute("role", "status");
  }

  // The newest state of the class, null without one.
  receive(state) {
    const question = state?.get("question");
    if (state) this.reopen(state);
    this.box.hidden = !question;
    if (!question) {
      this.mark = "";
      return;
    }
    const { voted = 0, of = 0 } = state.get("tally") ?? {};
    const mark = JSON.stringify([state.epoch, question.id, question.round, question.status]);
    if (mark !== this.mark) {
      this.mark = mark;
      this.draw(question);
      if (question.status === "revealed") this.ears.textContent = sentences(question.results).join(" ");
    }
    const said = `${count(voted)} of ${count(of)}`;
    this.says.textContent = question.status === "open" ? `${said} have voted` : `${said} have voted; voting is closed`;
  }

  // After a restart of the server.
  reopen(state) {
    const { keep, ask } = afterState(remembered(), state);
    remember(keep);
    if (!ask) return;
    if (ask.asked) this.say("ask", ask);
    else this.script(ask.kind);
  }

  // The next page might tell what is asked, and was perhaps pressed for by mistake: so an open vote is closed first, and then revealed.
  // Returns whether there was something to do before the page is turned.
  goesOn(state) {
    const question = state?.get("question");
    if (!question) return false;
    const next = { open: "close", closed: "reveal", revealed: "done" }[question.status];
    this.say("poll", { id: question.id, do: next });
    return next !== "done";
  }

  draw(question) {
    const { box } = this;
    box.replaceChildren(make("h2", "", question.asked));
    if (question.passage) box.append(passage(question.passage));
    const place = box.appendChild(make("div", "ask-answers"));
    if (question.status === "revealed") drawResult(place, question);
    else {
      for (const option of question.options) place.append(make("span", "ask-answer", option));
      box.append(this.says);
    }
    const row = box.appendChild(make("div", "ask-row"));
    for (const [what, label] of waysOf(question)) {
      button(row, label, () => this.say("poll", { id: question.id, do: what }), what === "reveal" ? "on" : "");
    }
  }

  // What can be asked, in the class's panel. done(): when something was.
  offers(panel, done) {
    const box = panel.appendChild(make("section", "ask-offers"));
    box.append(make("h3", "", "Ask the class"));
    const row = box.appendChild(make("div", "class-buttons"));
    const ask = (kind) => () => {
      this.script(kind);
      done();
    };
    button(row, "Guess the next token", ask("guess"));
    button(row, "Guess it freely", ask("free"));
    const form = make("form", "ask-own");
    button(row, "Yes or no …", () => this.own(form, "yes_no", 0, done));
    button(row, "Four answers …", () => this.own(form, "four", 4, done));
    box.append(form);
  }

  // A question of the teacher's own text; which answer is right may be left open.
  own(form, kind, answers, done) {
    const asked = field("Your question", 240);
    const texts = [...Array(answers).keys()].map((i) => field(`Answer ${i + 1}`, 80));
    const right = make("select");
    right.setAttribute("aria-label", "Which answer is right");
    const names = answers ? texts.map((_, i) => `Answer ${i + 1} is right`) : ["Yes is right", "No is right"];
    for (const name of ["No answer is marked as right", ...names]) right.append(make("option", "", name));
    const wrong = make("p", "class-warning");
    wrong.setAttribute("role", "alert");
    const send = make("button", "on", "Ask");
    form.replaceChildren(asked, ...texts, right, send, wrong);
    form.onsubmit = (event) => {
      event.preventDefault();
      const options = texts.map((each) => each.value.trim());
      if (new Set(options).size < options.length) {
        wrong.textContent = "Two answers are the same. Change one of them.";
        return;
      }
      const more = answers ? { options } : {};
      const marked = right.selectedIndex ? { right: right.selectedIndex - 1 } : {};
      if (this.say("ask", { kind, asked: asked.value.trim(), ...more, ...marked })) done();
      else wrong.textContent = "The class is not connected at this moment. Try again.";
    };
    asked.focus();
  }
}

function field(name, most) {
  const made = make("input");
  Object.assign(made, { maxLength: most, required: true, pattern: ".*\\S.*", placeholder: name, autocomplete: "off" });
  made.setAttribute("aria-label", name);
  return made;
}

function button(place, label, act, kind = "") {
  const made = place.appendChild(make("button", kind, label));
  made.type = "button";
  made.onclick = act;
}
