// The teacher's side of a class in the chapter bar: how one comes in, who is there, and what the hand moves on its way to them.
import { make } from "../shared/elements.js";
import { hand } from "../shared/hand.js";
import { Chair } from "./chair.js";
import { Pointer } from "./pointer.js";
import { dropRights, keepRights, rights, teacherLink } from "./rights.js";
import { ClassSocket } from "./socket.js";

const MOVES_EVERY = 60; // ms between two messages while something is moved
const CLAIM_EVERY = 10_000; // ms

export class Presenter {
  // say(word, value): to the script; press(key): what a button of the remote does; place: where the panel goes; isBlank(): whether the
  // screen is.
  constructor({ say, press, place, isBlank }) {
    Object.assign(this, { say, press, place, isBlank });
    this.corner = place.appendChild(make("aside", "class-corner"));
    this.corner.setAttribute("aria-label", "How to join the class");
    this.corner.hidden = true;
    this.pointer = new Pointer(place, (at) => this.socket?.say("point", { at }));
    this.chip = make("button", "class-chip");
    this.chip.type = "button";
    this.chip.onclick = () => this.clicked();
    this.chair = new Chair(
      place,
      (word, more) => this.socket?.say(word, more),
      (kind) => this.say("room", ["ask", kind]),
    );
    this.count = {};
    this.claimed = 0;
  }

  // told: what the script says of the class, {role, code, token}, or {}.
  receive(told) {
    const mine = rights();
    if (told.token) {
      keepRights(told.code, told.token);
      this.wantsPanel = true; // it was opened just now
      this.say("room", ["claim", told.code, told.token]);
    } else if (told.role !== "present" && mine?.role === "present" && Date.now() - this.claimed > CLAIM_EVERY) {
      this.claimed = Date.now(); // a new session: the page was loaded again, or the server started anew
      this.say("room", ["claim", mine.code, mine.token]);
    }
    this.told = told;
    const held = rights();
    if (told.role === "present" && held?.code === told.code) this.connect(held);
    else this.disconnect();
    this.draw();
  }

  connect({ code, token }) {
    if (this.socket && this.code === code) return;
    this.disconnect();
    this.code = code;
    this.joining = null;
    this.socket = new ClassSocket({
      root: document.baseURI,
      code,
      role: "present",
      token,
      changed: () => {
        this.chair.receive(this.socket.state);
        this.draw();
      },
      told: (message) => this.heard(message),
      status: (word, text) => this.status(word, text),
    });
    hand.moved = (name, change) => this.moved(name, change);
  }

  disconnect() {
    this.socket?.close();
    this.socket = null;
    this.chair.receive(null);
    hand.moved = null;
    this.corner.hidden = true;
  }

  status(word, text) {
    const wasOpen = this.isOpen;
    this.isOpen = word === "open";
    this.problem = word === "open" || word === "lost" ? "" : text;
    if (word === "ended" || word === "rights") dropRights();
    if (this.isOpen && !wasOpen) this.blank(this.isBlank()); // the class may know it otherwise from before
    if (this.isOpen && !this.joining)
      this.socket.say("join", { base: new URL(".", document.baseURI).href, token: rights()?.token });
    this.draw();
  }

  heard(message) {
    if (message.kind === "press") this.press(message.key);
    if (message.kind === "join") {
      this.joining = message;
      if (this.wantsPanel) this.open();
      this.wantsPanel = false;
    }
  }

  // The newest change of each value, a few times a second.
  moved(name, change) {
    this.moves ??= new Map();
    this.moves.set(name, change);
    this.moving ??= setTimeout(() => {
      this.moving = null;
      for (const [each, value] of this.moves) this.socket?.say("hand", { name: each, value });
      this.moves.clear();
    }, MOVES_EVERY);
  }

  draw() {
    const { chip } = this;
    const is = this.told?.role === "present";
    const count = this.socket?.state.get("count") ?? {};
    chip.classList.toggle("on", is);
    if (!is) {
      chip.textContent = "Start a class";
      chip.title = "Students follow on their own screens, with a code";
      chip.removeAttribute("aria-label");
      return;
    }
    const { follow = 0, explore = 0 } = count;
    chip.textContent = `${spaced(this.told.code)} · ${this.isOpen ? follow + explore : "…"}`;
    chip.title = "The class's code, and how many are here";
    const said = this.problem || (this.isOpen ? `${follow} following, ${explore} exploring` : "connecting …");
    chip.setAttribute("aria-label", `Class ${spaced(this.told.code)}: ${said}`);
    if (this.panel?.open) this.panel.count.textContent = said;
  }

  // The class's screens are blank, or not.
  blank(is) {
    this.socket?.say("blank", { is });
  }

  // The address, the code and the QR code in a corner, for those who come late.
  toggleCorner() {
    const { corner, joining } = this;
    if (!joining || !this.socket) return;
    corner.hidden = !corner.hidden;
    const image = make("img", "class-qr");
    image.src = joining.qr;
    image.alt = `QR code of ${joining.url}`;
    const close = make("button", "class-close", "✕");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.onclick = () => this.toggleCorner();
    corner.replaceChildren(
      image,
      make("p", "class-url", shortUrl(joining)),
      make("p", "class-code", spaced(this.told.code)),
      close,
    );
  }

  // What comes next for a question on the screen, before the page is turned; whether there was something.
  goesOn() {
    return this.chair.goesOn(this.socket?.state);
  }

  clicked() {
    if (this.told?.role !== "present") this.say("room", ["start"]);
    else this.open();
  }

  open() {
    this.panel?.remove();
    this.panel = this.place.appendChild(make("dialog", "class-panel"));
    this.panel.setAttribute("aria-label", "Class");
    this.fillPanel();
    this.panel.showModal();
    this.draw();
  }

  fillPanel() {
    const { panel, joining } = this;
    const button = (place, label, act, kind = "") => {
      const made = place.appendChild(make("button", kind, label));
      made.type = "button";
      made.onclick = act;
      return made;
    };
    button(panel, "✕", () => panel.close(), "class-close").setAttribute("aria-label", "Close");
    const join = panel.appendChild(make("div", "class-join"));
    const how = join.appendChild(make("div"));
    how.append(make("h2", "", "Join the class"));
    if (joining) {
      how.append(make("p", "class-url", shortUrl(joining)));
      how.append(make("p", "class-code", spaced(this.told.code)));
      if (joining.is_local)
        how.append(make("p", "class-warning", "This address is this computer's own: it has no network that others could use."));
      const image = join.appendChild(make("img", "class-qr"));
      image.src = joining.qr;
      image.alt = `QR code of ${joining.url}`;
    } else how.append(make("p", "", this.problem || "Connecting …"));
    panel.count = how.appendChild(make("p", "class-count"));
    const row = panel.appendChild(make("div", "class-buttons"));
    const done = (pressed, label) => {
      pressed.textContent = label;
    };
    const call = button(row, "Call everybody back", () => this.socket?.say("call") && done(call, "Called"));
    const copy = button(row, "Copy my teacher link", () =>
      navigator.clipboard?.writeText(teacherLink(document.baseURI)).then(() => done(copy, "Copied: keep it to yourself")),
    );
    button(row, "Code in a corner", () => {
      panel.close();
      this.toggleCorner();
    });
    const remote = button(row, "My phone as remote", () => this.showRemote(remote));
    button(row, "End the class", () => this.end(), "class-end");
    this.chair.offers(panel, () => panel.close());
    panel.append(make("p", "class-note", "Nobody gives a name. Nothing is stored but counts, and nothing after the class."));
  }

  // Whoever photographs this code can turn the pages: so it is shown on demand, and said.
  showRemote(button) {
    const box = make("div", "class-remote");
    const image = box.appendChild(make("img", "class-qr"));
    image.src = this.joining?.remote_qr ?? "";
    image.alt = "QR code for the teacher's phone";
    box.append(make("p", "", "Only for your own phone: who scans this turns your pages. Turn the projector away, or blank it."));
    button.replaceWith(box);
  }

  end() {
    dropRights();
    this.panel?.close();
    this.disconnect();
    this.say("room", ["end"]);
  }
}

// As it is typed: without what browsers add by themselves.
function shortUrl({ url }) {
  return url.replace(/^https?:\/\//, "").replace(/\/r\/.*/, "/r");
}

export function spaced(code) {
  return `${code.slice(0, 3)} ${code.slice(3)}`;
}
