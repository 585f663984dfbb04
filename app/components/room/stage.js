// The page of a class, `r/CODE`: follows what the teacher shows, without a session of its own.
import { make } from "../shared/elements.js";
import { shelf } from "../shared/shelf.js";
import { Ballot } from "./ballot.js";
import { otherWay } from "./colours.js";
import { MirroredPage } from "./page.js";
import { Dot, placeOn } from "./pointer.js";
import { Remote } from "./remote.js";
import { rights, takeFromAddress } from "./rights.js";
import { ClassSocket } from "./socket.js";

const typed = /\/r(?:\/([^/]*))?\/?$/.exec(location.pathname)?.[1] ?? "";
const code = decodeURIComponent(typed);
const isCode = /^[2-9A-HJKMNP-Z]{6}$/.test(code);
const root = new URL(typed ? "../" : "./", document.baseURI).href;

class Stage {
  constructor() {
    this.bar = document.body.appendChild(make("header", "stage-bar"));
    this.name = this.bar.appendChild(make("span", "stage-brand", "Glass GPT"));
    this.says = this.bar.appendChild(make("span", "stage-status"));
    this.says.setAttribute("role", "status");
    this.explore = this.bar.appendChild(make("a", "stage-button", "Explore on my own"));
    this.main = document.body.appendChild(make("main"));
    this.notice = this.main.appendChild(make("p", "stage-notice", "Connecting …"));
    this.ballot = new Ballot(this.main, (word, more) => this.socket.say(word, more));
    this.content = this.main.appendChild(make("div", "stage-page"));
    this.blank = document.body.appendChild(make("p", "stage-blank", "Your teacher has blanked the screens."));
    this.blank.setAttribute("role", "status");
    this.blank.hidden = true;
    this.dot = new Dot(document.body, false);
    this.foot = document.body.appendChild(make("aside", "stage-foot"));
    this.foot.hidden = true;
    this.ears = document.body.appendChild(make("p", "for-ears"));
    this.ears.setAttribute("aria-live", "polite");
    this.page = new MirroredPage(this.content, {
      link: (address) => this.appAddress(address),
      tried: () => this.tryAlone(),
      wanted: () => this.isAlone || this.hint(),
    });
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", () => this.back());
    this.names = new Set();
    this.isAlone = false;
    this.socket = new ClassSocket({
      root,
      code,
      role: "follow",
      changed: (names) => this.changed(names),
      told: (message) => message.kind === "voted" && this.ballot.heard(message),
      status: (word, text) => this.status(word, text),
    });
    this.status("lost", "");
  }

  // A link of the app as it is from here, beside this class.
  appAddress(address) {
    const url = new URL(address, root);
    if (url.href.startsWith(root)) url.searchParams.set("room", code);
    return url.href;
  }

  status(word, text) {
    const shown = this.socket?.state.get("page");
    if (word === "open" && !this.isOpen && this.isAlone) this.socket.say("alone", { is: true }); // a new connection
    this.isOpen = word === "open";
    document.documentElement.classList.toggle("stage-lost", !this.isOpen);
    const waiting = { open: "Connected. The teacher's page comes here.", lost: "Connecting …" }[word] ?? text;
    this.notice.textContent = shown ? "" : waiting;
    if (this.isOpen) this.says.textContent = `Class ${code}`;
    else this.says.textContent = word === "lost" ? `Class ${code}: connecting …` : text;
    if (word === "ended") {
      this.page.clear();
      this.blank.hidden = true;
      this.main.inert = false;
      this.ballot.receive(new Map());
      this.notice.textContent = text;
      this.explore.href = root;
    }
  }

  changed(names) {
    const where = this.socket.state.get("where");
    this.explore.href = this.appAddress(where?.link ?? "");
    this.ballot.receive(this.socket.state);
    for (const name of names) this.names.add(name);
    if (!this.isAlone) this.draw();
    this.dim();
    if (names.has("pointer") && !this.isAlone) this.point(this.socket.state.get("pointer") ?? []);
  }

  // The teacher's Blank, for whoever follows.
  dim() {
    this.blank.hidden = this.isAlone || !this.socket.state.get("blank");
    this.main.inert = !this.blank.hidden;
  }

  point(panels) {
    const at = placeOn(panels, (name) => this.page.boxOf(name));
    if (at) this.dot.show(at[0] + scrollX, at[1] + scrollY);
    else this.dot.hide();
  }

  draw() {
    const { state } = this.socket;
    const names = this.names;
    this.names = new Set();
    const page = state.get("page");
    if (!page) return;
    this.notice.textContent = "";
    const isDark = this.dark.matches;
    const table = (page.mode === "dark") === isDark ? null : otherWay(COLOURS, isDark);
    if (names.has("page") || table !== this.table) {
      this.page.draw(page.items, (key) => state.get(`part:${key}`), (this.table = table && (this.table ?? table)));
      this.announce(page);
    } else for (const name of names) if (name.startsWith("part:")) this.page.renew(name.slice("part:".length));
    for (const name of names) if (name.startsWith("hand:")) this.move(name.slice("hand:".length), state.get(name));
  }

  // What the teacher moves: a change to a value that a component reads from the shelf.
  move(name, change) {
    const kept = shelf.values.get(name);
    if (!change) return;
    if (!kept) {
      // It came first: a late joiner gets everything at once.
      shelf.addEventListener(name, () => this.move(name, this.socket.state.get(`hand:${name}`)), { once: true });
      return;
    }
    shelf.values.set(name, { ...kept, value: { ...kept.value, ...change } });
    shelf.dispatchEvent(new Event(name));
  }

  // Another page or another question begins at its top, and is said once to who listens.
  announce(page) {
    document.title = `${page.title} · Class ${code}`;
    const question = this.content.querySelector("h1")?.textContent ?? page.title;
    if (this.question === page.file + question) return;
    this.question = page.file + question;
    scrollTo(0, 0);
    this.ears.textContent = `${page.title}: ${question}`;
  }

  // Something was moved here: it stays as it is until one comes back.
  tryAlone() {
    if (this.isAlone) return;
    this.isAlone = true;
    this.socket.say("alone", { is: true });
    const back = make("button", "stage-button on", "Back to class");
    back.type = "button";
    back.onclick = () => this.back();
    this.foot.replaceChildren(make("p", "", "You try this by yourself; the class goes on."), back);
    this.foot.hidden = false;
  }

  back() {
    if (this.isAlone) this.socket.say("alone", { is: false });
    this.isAlone = false;
    this.foot.hidden = true;
    this.page.clear();
    for (const name of this.socket.state.fields.keys()) this.names.add(name);
    this.draw();
    this.dim();
  }

  // What was clicked needs a run of the model, which is the teacher's here.
  hint() {
    const explore = make("a", "stage-button on", "Explore on my own");
    explore.href = this.explore.href;
    const close = make("button", "stage-button", "Go on following");
    close.type = "button";
    close.onclick = () => {
      this.foot.hidden = true;
    };
    this.foot.replaceChildren(make("p", "", "The teacher chooses here. In the app you choose yourself."), close, explore);
    this.foot.hidden = false;
  }
}

// No code in the address: one is typed.
function askForCode(said) {
  const main = document.body.appendChild(make("main", "stage-ask"));
  main.append(make("h1", "", "Join a class"), make("p", "", said));
  const form = main.appendChild(make("form"));
  const field = form.appendChild(make("input"));
  Object.assign(field, { name: "code", autocomplete: "off", autocapitalize: "characters", maxLength: 12, spellcheck: false });
  field.setAttribute("aria-label", "Code of the class");
  field.placeholder = "ABC 234";
  const go = form.appendChild(make("button", "stage-button on", "Join"));
  const wrong = main.appendChild(make("p", "stage-wrong"));
  wrong.setAttribute("role", "alert");
  form.onsubmit = (event) => {
    event.preventDefault();
    const wanted = field.value.replace(/[\s-]/g, "").toUpperCase();
    if (/^[2-9A-HJKMNP-Z]{6}$/.test(wanted)) location.href = new URL(`r/${wanted}`, root).href;
    else wrong.textContent = "A code has six letters and digits, without 0, O, 1, I and L.";
  };
  go.type = "submit";
  field.focus();
}

const COLOURS = JSON.parse(document.getElementById("colours").textContent);
if (!isCode) askForCode(typed ? `“${code}” is no code of a class.` : "Type the code that the projector shows.");
else {
  takeFromAddress(code);
  const mine = rights();
  if (mine?.role === "remote" && mine.code === code) new Remote({ root, code, token: mine.token });
  else globalThis.glassStage = new Stage();
}
