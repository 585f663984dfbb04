// A follower's side of a question: what is asked, the vote, which may be changed while the question is open, and the reveal.
import { make } from "../shared/elements.js";
import { count } from "../shared/numbers.js";
import { drawResult, sentences } from "./result.js";

const KEY = "glass-vote"; // what this tab voted, so that it is still seen after the page was loaded again

export class Ballot {
  // place: where it stands; say(word, more): over the class's socket, whether it could.
  constructor(place, say) {
    this.say = say;
    this.box = place.appendChild(make("section", "ask"));
    this.box.setAttribute("aria-label", "Question to the class");
    this.box.hidden = true;
    this.ears = place.appendChild(make("p", "for-ears"));
    this.ears.setAttribute("role", "status");
    this.says = make("p", "ask-status");
  }

  // The newest state of the class, "" for epoch where there is none.
  receive(state) {
    const question = state.get("question");
    this.box.hidden = !question;
    if (!question) {
      this.mark = "";
      return;
    }
    this.name = JSON.stringify([state.epoch, question.id, question.round]);
    this.tally = state.get("tally");
    const mark = this.name + question.status;
    if (mark !== this.mark) {
      this.mark = mark;
      this.draw(question);
      this.announce(question);
    }
    this.status(question);
  }

  // The server has counted this tab's vote.
  heard({ id, round, choice, counted }) {
    if (!this.question || this.question.id !== id || this.question.round !== round) return;
    sessionStorage.setItem(KEY, JSON.stringify({ name: this.name, choice, counted }));
    this.press(choice);
    this.status(this.question);
  }

  voted() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEY));
      return kept?.name === this.name ? kept : null;
    } catch {
      return null;
    }
  }

  draw(question) {
    this.question = question;
    const { box } = this;
    box.replaceChildren(make("h2", "", question.asked));
    if (question.passage) box.append(passage(question.passage));
    this.buttons = [];
    const place = box.appendChild(make("div", "ask-answers"));
    if (question.status === "revealed") drawResult(place, question);
    else if (question.kind === "free") this.field(place, question);
    else question.options.forEach((option, i) => this.button(place, option, i, question));
    box.append(this.says);
    this.press(this.voted()?.choice);
  }

  button(place, option, i, question) {
    const button = place.appendChild(make("button", "ask-answer", option));
    button.type = "button";
    button.disabled = question.status !== "open";
    button.onclick = () => this.vote(question, i);
    this.buttons.push(button);
  }

  field(place, question) {
    const form = place.appendChild(make("form", "ask-free"));
    const field = form.appendChild(make("input"));
    Object.assign(field, { maxLength: 40, autocomplete: "off", spellcheck: false, placeholder: "Your word" });
    field.setAttribute("aria-label", "Your word");
    field.value = this.voted()?.choice ?? "";
    const send = form.appendChild(make("button", "ask-answer", "Send"));
    for (const each of [field, send]) each.disabled = question.status !== "open";
    form.onsubmit = (event) => {
      event.preventDefault();
      if (field.value.trim()) this.vote(question, field.value.trim());
    };
  }

  vote({ id, round }, choice) {
    if (!this.say("vote", { id, round, choice })) this.says.textContent = "Not connected: try again in a moment.";
  }

  press(choice) {
    this.buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === choice));
  }

  status({ status, kind }) {
    const mine = this.voted();
    const { voted = 0, of = 0 } = this.tally ?? {};
    const counted = kind === "free" ? `counted as ${mine?.counted}` : mine?.counted;
    const said = {
      open: mine ? `Your vote: ${counted}. You can change it. ` : "",
      closed: `Voting is closed. ${mine ? `Your vote: ${counted}. ` : ""}`,
      revealed: mine ? `Your vote: ${counted}.` : "",
    }[status];
    const how = status === "revealed" ? "" : `${count(voted)} of ${count(of)} have voted.`;
    if (this.says.textContent !== said + how) this.says.textContent = said + how;
  }

  // Said once to who listens, and brought into view.
  announce({ status, asked, round, results }) {
    const open = round > 1 ? `Vote again: ${asked}` : `A question: ${asked}`;
    this.ears.textContent = { open, closed: "Voting is closed.", revealed: results && sentences(results).join(" ") }[status];
    if (status !== "closed") this.box.scrollIntoView({ block: "nearest" });
  }
}

export function passage(text) {
  const shown = make("p", "ask-passage", text);
  shown.append(make("span", "ask-gap", "?"));
  return shown;
}
