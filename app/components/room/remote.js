// The teacher's phone: two large buttons, the step of the lesson with its note, and the question that is open.
import { make } from "../shared/elements.js";
import { count } from "../shared/numbers.js";
import { waysOf } from "./chair.js";
import { dropRights } from "./rights.js";
import { ClassSocket } from "./socket.js";

export class Remote {
  constructor({ root, code, token }) {
    const main = document.body.appendChild(make("main", "remote"));
    this.says = main.appendChild(make("p", "remote-status"));
    this.says.setAttribute("role", "status");
    this.title = main.appendChild(make("h1"));
    this.note = main.appendChild(make("p", "remote-note"));
    this.question = main.appendChild(make("section", "remote-question"));
    this.question.setAttribute("aria-label", "Question to the class");
    this.next = main.appendChild(make("p", "remote-next"));
    const small = make("div", "remote-small");
    const press = (key) => () => this.socket.say("press", { key }) || this.status("lost", "");
    button(main, "Next →", "remote-large on", press("next"));
    button(main, "← Back", "remote-large", press("back"));
    main.append(small);
    button(small, "Blank", "stage-button", press("blank"));
    button(small, "Code", "stage-button", press("code"));
    button(small, "Call everybody back", "stage-button", () => this.socket.say("call"));
    this.code = code;
    this.socket = new ClassSocket({
      root,
      code,
      role: "remote",
      token,
      changed: () => this.draw(),
      status: (word, text) => this.status(word, text),
    });
    this.status("lost", "");
  }

  status(word, text) {
    if (word === "rights" || word === "ended") dropRights();
    if (word === "open") this.draw();
    else this.says.textContent = word === "lost" ? `Class ${this.code}: connecting …` : text;
  }

  draw() {
    const { state } = this.socket;
    const here = state.get("count") ?? {};
    const screen = here.present ? "" : " The teacher's screen is not connected.";
    this.says.textContent = `Class ${this.code}: ${here.follow ?? 0} following, ${here.explore ?? 0} exploring.${screen}`;
    const lesson = state.get("lesson");
    const begun = lesson && lesson.at >= 0;
    this.title.textContent = begun ? `${lesson.at + 1} of ${lesson.of}: ${lesson.title}` : (state.get("where")?.title ?? "");
    this.note.textContent = begun ? lesson.note : "";
    const question = state.get("question");
    const first = { open: "Next closes the vote. ", closed: "Next reveals the answers. " }[question?.status] ?? "";
    this.next.textContent = first + (lesson ? (lesson.next ? `Next step: ${lesson.next}` : "The last step.") : "");
    this.ask(question, state.get("tally") ?? {});
  }

  ask(question, { voted = 0, of = 0 }) {
    const box = this.question;
    box.hidden = !question;
    if (!question) return;
    const mark = JSON.stringify([question.id, question.round, question.status]);
    if (this.asked !== mark) {
      this.asked = mark;
      this.tally = make("p", "remote-tally");
      box.replaceChildren(make("h2", "", question.asked), this.tally);
      const row = box.appendChild(make("div", "remote-row"));
      for (const [what, label] of waysOf(question))
        button(row, label, `stage-button${what === "reveal" ? " on" : ""}`, () => {
          this.socket.say("poll", { id: question.id, do: what });
        });
    }
    const how = { open: "have voted", closed: "have voted; voting is closed", revealed: "have voted; revealed" }[question.status];
    this.tally.textContent = `${count(voted)} of ${count(of)} ${how}`;
  }
}

function button(place, label, name, act) {
  const made = place.appendChild(make("button", name, label));
  made.type = "button";
  made.onclick = act;
}
