// Who explores beside a class sees at any time that it goes on, and how to come back.
import { make } from "../shared/elements.js";
import { ClassSocket } from "./socket.js";

export class Explorer {
  constructor(place) {
    this.bar = place.appendChild(make("aside", "class-back"));
    this.bar.hidden = true;
  }

  // told: what the script says of the class, {role, code}, or {}.
  receive({ role, code }) {
    const wanted = role === "explore" ? code : "";
    if (wanted === this.code) return;
    this.code = wanted;
    this.socket?.close();
    this.socket = null;
    this.bar.hidden = !wanted;
    document.documentElement.classList.toggle("glass-class", Boolean(wanted));
    if (!wanted) return;
    this.calls = null;
    this.says = make("span", "", `You explore on your own, beside class ${code}.`);
    this.says.setAttribute("role", "status");
    this.back = make("a", "class-go", "Back to class");
    this.back.href = new URL(`r/${code}`, document.baseURI).href;
    this.bar.replaceChildren(this.says, this.back);
    this.socket = new ClassSocket({
      root: document.baseURI,
      code,
      role: "explore",
      changed: () => this.changed(),
      status: (word, text) => {
        if (word === "ended") this.says.textContent = text;
      },
    });
  }

  changed() {
    const calls = this.socket.state.get("call") ?? 0;
    if (this.calls !== null && calls > this.calls) {
      this.bar.classList.add("called");
      this.says.textContent = "Your teacher asks everybody to come back.";
    }
    this.calls = calls;
    const asks = Boolean(this.socket.state.get("question"));
    if (asks && !this.asks) this.says.textContent = "Your teacher asks the class a question: go back to answer it.";
    this.asks = asks;
  }
}
