// What a teacher's page shows, drawn without Streamlit: texts, controls in words, and our own components, which stay where they stand
// when only their data change.
import { make } from "../shared/elements.js";
import { mount } from "../shared/mount.js";
import { recoloured } from "./colours.js";
import { safe } from "./safe.js";

export class MirroredPage {
  // link(address): where a link of the app leads; tried(): a component was moved by hand; wanted(): it asked for what only the app can do.
  constructor(root, { link, tried, wanted }) {
    Object.assign(this, { root, link, tried, wanted });
    this.hosts = new Map(); // key of a component -> its host
    root.addEventListener("input", (event) => event.isTrusted && this.tried());
  }

  // items: as app/room/mirror.py lists them; bytes(key): what a component was handed; table: colours to exchange, or null.
  draw(items, bytes, table) {
    this.bytes = bytes;
    this.table = table;
    const used = new Set();
    fill(this.root, items, (item, old) => this.element(item, old, used));
    for (const [key, host] of this.hosts) if (!used.has(key)) this.forget(key, host);
  }

  // A component alone has new data.
  renew(key) {
    const host = this.hosts.get(key);
    if (host) this.hand(host, key);
  }

  // Where what has this key stands, null for what is not here. Streamlit writes keys into names of classes, and so with other signs.
  boxOf(key) {
    const hosts = [...this.hosts].filter(([each]) => each.replace(/[^a-zA-Z0-9_-]/g, "-") === key).map(([, host]) => host);
    const found = hosts[0] ?? this.root.getElementsByClassName(`key-${key}`)[0];
    const box = found?.getBoundingClientRect();
    return box?.width && box.height ? box : null;
  }

  // All of it anew, without what was tried by hand.
  clear() {
    for (const [key, host] of this.hosts) this.forget(key, host);
    this.root.replaceChildren();
  }

  forget(key, host) {
    host.close?.();
    host.remove();
    this.hosts.delete(key);
  }

  element(item, old, used) {
    if (item.kind === "component") return this.host(item, used);
    const again = old?.kind === item.kind && old.key === item.key ? old : null;
    const element = again ?? NEW[item.kind]?.(item) ?? make("div");
    element.kind = item.kind;
    element.key = item.key;
    if (item.key) element.classList.add(`key-${item.key}`);
    if (item.items) {
      if (item.kind === "fold") element.open = item.open;
      element.classList.toggle("row", isRow(item));
      if (item.weight) element.style.flex = `${100 * item.weight} 1 0`; // whatever is left of a row is filled
      fill(element.inside ?? element, item.items, (each, before) => this.element(each, before, used));
      return element;
    }
    const mark = JSON.stringify(item) + Boolean(this.table);
    if (element.mark !== mark) {
      element.mark = mark;
      if (item.kind === "html") element.replaceChildren(safe(item.html, this.link, this.table));
      else if (item.kind === "chosen") element.replaceChildren(make("span", "", item.label), make("b", "", item.text));
      else element.textContent = item.text;
    }
    return element;
  }

  host({ key, name }, used) {
    used.add(key);
    let host = this.hosts.get(key);
    if (host && host.name !== name) {
      this.forget(key, host);
      host = null;
    }
    if (!host) {
      host = make("div", `component ${name}`);
      host.name = name;
      host.dataset.key = key;
      host.attachShadow({ mode: "open" });
      this.hosts.set(key, host);
      host.ready = mount(name);
    }
    this.hand(host, key);
    return host;
  }

  // What it was handed last is drawn, once its code is there.
  async hand(host, key) {
    const bytes = this.bytes(key);
    if (!bytes || (host.bytes === bytes && host.table === this.table)) return;
    host.bytes = bytes;
    host.table = this.table;
    try {
      const draw = await host.ready;
      if (host.bytes !== bytes || this.hosts.get(key) !== host) return;
      const data = this.table ? recoloured(bytes, this.table) : bytes;
      host.close = draw({
        data,
        key,
        name: host.name,
        parentElement: host.shadowRoot,
        setTriggerValue: this.wanted,
        setStateValue: this.wanted,
        watches: true,
      });
    } catch (error) {
      console.error(error);
      host.shadowRoot.replaceChildren(make("p", "", "This figure could not be drawn here; the projector shows it."));
    }
  }
}

const NEW = {
  block: () => make("div", "block"),
  html: () => make("div", "text"),
  chosen: () => make("p", "chosen-by-control"),
  offer: () => make("span", "offer"),
  instead: () => make("p", "instead"),
  fold(item) {
    const fold = make("details", "fold");
    fold.append(make("summary", "", item.label), (fold.inside = make("div", "block")));
    return fold;
  },
};

// Columns stand side by side, and so does what Streamlit puts in a row.
function isRow(item) {
  return Boolean(item.row) || (item.items.length > 1 && item.items.every((each) => each.weight));
}

// The children of an element become those of the items; what is right already is not touched.
function fill(parent, items, element) {
  const before = [...parent.children];
  const wanted = items.map((item, i) => element(item, before[i]));
  const kept = new Set(wanted);
  for (const child of before) if (!kept.has(child)) child.remove();
  wanted.forEach((child, i) => {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
  });
}
