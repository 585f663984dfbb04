// The teacher's pointer: where the mouse is over a panel, as fractions of that panel, so that it is right on a screen of any size.
import { make } from "../shared/elements.js";

const SIZE = 28; // px of the dot, as in bar.css and stage.css
const FADES = 1500; // ms after the last move
const SAYS_EVERY = 100; // ms between two messages: each goes to everybody in the class
const MOST = 4; // panels, from the innermost out: a follower may not have all of them

// A dot that is put somewhere and fades.
export class Dot {
  constructor(place, fixed) {
    this.dot = place.appendChild(make("div", `pointer-dot${fixed ? " fixed" : ""}`));
    this.dot.setAttribute("aria-hidden", "true");
    this.hide();
  }

  // In pixels of the window, of which a page that is enlarged has fewer.
  show(x, y) {
    const zoom = this.dot.getBoundingClientRect().width / SIZE || 1;
    this.dot.style.translate = `${x / zoom}px ${y / zoom}px`;
    this.dot.classList.remove("gone");
    clearTimeout(this.clock);
    this.clock = setTimeout(() => this.hide(), FADES);
  }

  hide() {
    clearTimeout(this.clock);
    this.dot.classList.add("gone");
  }
}

export class Pointer {
  // place: where the dot stands; say(panels): [[name of a panel, x, y], …], from the innermost out, or [] where it has faded.
  constructor(place, say) {
    this.say = say;
    this.dot = new Dot(place, true);
    this.is = false;
    this.moved = (event) => this.at(event);
  }

  toggle(is = !this.is) {
    if (is === this.is) return;
    this.is = is;
    document[is ? "addEventListener" : "removeEventListener"]("pointermove", this.moved);
    if (!is) this.fade();
  }

  at(event) {
    this.dot.show(event.clientX, event.clientY);
    this.newest = panelsAt(event);
    this.saying ??= setTimeout(() => {
      this.saying = null;
      this.say(this.newest);
    }, SAYS_EVERY);
    clearTimeout(this.clock);
    this.clock = setTimeout(() => this.fade(), FADES);
  }

  fade() {
    clearTimeout(this.clock);
    clearTimeout(this.saying);
    this.saying = null;
    this.dot.hide();
    this.say([]);
  }
}

// The panels under the mouse: whatever has a key of its own on the page.
function panelsAt({ clientX, clientY, target }) {
  const found = [];
  for (let element = target; element && found.length < MOST; element = element.parentElement) {
    const key = [...element.classList].find((name) => name.startsWith("st-key-"))?.slice("st-key-".length);
    if (!key || key === "frame") continue;
    const box = element.getBoundingClientRect();
    if (box.width && box.height) found.push([key, share(clientX - box.left, box.width), share(clientY - box.top, box.height)]);
  }
  return found;
}

// Four digits are finer than a pixel.
function share(part, whole) {
  return Math.min(1, Math.max(0, Math.round((1e4 * part) / whole) / 1e4));
}

// Where this is on a page that has some of these panels, as [x, y] from the page's upper left; null where it has none.
// find(name): the box of a panel, or null.
export function placeOn(panels, find) {
  for (const [name, x, y] of panels) {
    const box = find(name);
    if (box) return [box.left + x * box.width, box.top + y * box.height];
  }
  return null;
}
