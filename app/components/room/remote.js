// The teacher's phone: two large buttons, and what the screen shows.
import { make } from "../shared/elements.js";
import { dropRights } from "./rights.js";
import { ClassSocket } from "./socket.js";

export class Remote {
  constructor({ root, code, token }) {
    const main = document.body.appendChild(make("main", "remote"));
    this.says = main.appendChild(make("p", "remote-status"));
    this.says.setAttribute("role", "status");
    this.title = main.appendChild(make("h1"));
    const small = make("div", "remote-small");
    const button = (place, label, name, act) => {
      const made = place.appendChild(make("button", name, label));
      made.type = "button";
      made.onclick = act;
    };
    const press = (key) => () => this.socket.say("press", { key }) || this.status("lost", "");
    button(main, "Next →", "remote-large on", press("next"));
    button(main, "← Back", "remote-large", press("back"));
    main.append(small);
    button(small, "Blank", "stage-button", press("blank"));
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
    const count = state.get("count") ?? {};
    this.title.textContent = state.get("where")?.title ?? "";
    const screen = count.present ? "" : " The teacher's screen is not connected.";
    this.says.textContent = `Class ${this.code}: ${count.follow ?? 0} following, ${count.explore ?? 0} exploring.${screen}`;
  }
}
