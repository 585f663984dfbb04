// The chapter bar, the way on, and the one listener for keys. Both bars are kept and changed in place.
import { Explorer } from "../room/explorer.js";
import { LessonStrip } from "../room/lesson.js";
import { Presenter } from "../room/presenter.js";
import { comes } from "../shared/coming.js";
import { make } from "../shared/elements.js";
import { unpack } from "../shared/shelf.js";
import { explainWords } from "./meaning.js";
import { keepScrollable } from "./scrollable.js";

export const styles = ["room/bar.css", "room/question.css"];

const frames = new WeakMap();
// One listener for each kind of event, whatever becomes of the component: it speaks to the frame that was drawn last.
const frameHeard = (globalThis.glassFrame ??= { frame: null, listening: false });

export default function ({ data, parentElement, setTriggerValue }) {
  let frame = frames.get(parentElement);
  if (!frame) frames.set(parentElement, (frame = newFrame(parentElement)));
  frame.say = setTriggerValue;
  const said = unpack(data).header;
  if (frame.said?.file !== said.file || frame.said?.part !== said.part) {
    comes();
    if (frame.said) document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0); // a beat begins at its question
  }
  frame.said = said;
  frame.presenter.receive(said.room);
  frame.explorer.receive(said.room);
  frame.lesson.receive(said.lesson, said.lecture);
  drawBar(frame, said);
  drawFooter(frame, said);
  document.documentElement.classList.add("glass-app");
  document.documentElement.classList.toggle("glass-lecture", said.lecture);
  if (!said.lecture) frame.presenter.pointer.toggle(false);
  frameHeard.frame = frame;
  if (frameHeard.listening) return;
  frameHeard.listening = true;
  keepScrollable();
  explainWords();
  document.addEventListener("keydown", (event) => onKey(frameHeard.frame, event));
  document.addEventListener("click", (event) => {
    const { bar } = frameHeard.frame;
    if (!event.composedPath().includes(bar)) closeMenus(bar);
  });
}

function newFrame(parentElement) {
  const bar = parentElement.appendChild(make("header", "bar"));
  const footer = parentElement.appendChild(make("footer", "footer"));
  const blank = parentElement.appendChild(make("div", "blank"));
  blank.hidden = true;
  blank.onclick = () => toggleBlank(frame, false);
  const frame = { bar, footer, blank, explorer: new Explorer(parentElement) };
  frame.lesson = new LessonStrip({ say: (word, value) => frame.say(word, value), place: parentElement });
  frame.presenter = new Presenter({
    say: (word, value) => frame.say(word, value),
    press: (key) => PRESSES[key]?.(frame),
    place: parentElement,
    isBlank: () => !blank.hidden,
  });
  return frame;
}

// The way to a page: a real link, so that it can be opened in a new tab with everything that is in view.
function address(file, first) {
  const url = new URL(file === first ? "." : file, document.baseURI);
  url.search = location.search;
  return url.href;
}

function link(frame, [file, name, stage]) {
  const a = make("a", "", name);
  const home = frame.said.groups[0][1][0][0];
  a.href = address(file, home);
  a.onpointerover = a.onfocus = () => {
    a.href = address(file, home); // of what is in view now: the bar stays as it was drawn
  };
  if (stage) a.style.setProperty("--stage", stage === "whole" ? "var(--ink)" : `var(--${stage.replace("_", "-")})`);
  if (file === frame.said.file) a.setAttribute("aria-current", "page");
  a.onclick = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    closeMenus(frame.bar);
    frame.say("page", file);
  };
  return a;
}

function drawBar(frame, said) {
  const mark = JSON.stringify([said.groups, said.file, said.lecture]);
  if (frame.bar.mark === mark) return;
  frame.bar.mark = mark;
  const [[first, chapters], ...menus] = said.groups;
  const brand = link(frame, [chapters[0][0], "Glass GPT"]);
  brand.className = "brand";
  brand.removeAttribute("aria-current");
  const nav = make("nav");
  nav.setAttribute("aria-label", first);
  const list = nav.appendChild(make("ol"));
  for (const chapter of chapters) list.appendChild(make("li")).append(link(frame, chapter));
  const here = chapters.find(([file]) => file === said.file);
  const all = menu(frame, here ? here[1] : first, chapters, "all");
  const more = menus.map(([name, links]) => menu(frame, name, links));
  const lecture = make("button", "lecture", said.lecture ? "End lecture" : "Lecture");
  lecture.type = "button";
  lecture.title = "Large type and one picture at a time, for a projector (key: L)";
  lecture.onclick = () => frame.say("lecture", !said.lecture);
  frame.bar.replaceChildren(brand, nav, all, ...more, frame.lesson.chip, frame.presenter.chip, lecture);
  list.onscroll = () => shade(list);
  let room = 0;
  new ResizeObserver(() => {
    if (nav.clientWidth === room) return; // its height alone is what `fit` has changed
    room = nav.clientWidth;
    fit(list);
  }).observe(nav); // the chips beside it come and go; goes with the list
}

// All chapters in view, set closer where that is needed; where even that is not enough, the current one whole, and shades where it goes on.
function fit(list) {
  for (const set of ["", "close", "closer"]) {
    list.className = set;
    if (list.scrollWidth <= list.clientWidth) break;
  }
  const current = list.querySelector("[aria-current]");
  if (current) list.scrollLeft = current.offsetLeft - list.offsetLeft - list.clientWidth / 2 + current.offsetWidth / 2;
  shade(list);
}

function shade(list) {
  const left = list.scrollLeft;
  const right = list.scrollWidth - list.clientWidth - left;
  list.style.setProperty("--left", left > 1 ? "1.4rem" : "0px");
  list.style.setProperty("--right", right > 1 ? "1.4rem" : "0px");
}

function menu(frame, name, links, kind = "") {
  const box = make("details", `menu ${kind}`);
  const summary = box.appendChild(make("summary", "", name));
  const list = box.appendChild(make("ul"));
  for (const one of links) list.appendChild(make("li")).append(link(frame, one));
  if (links.some(([file]) => file === frame.said.file)) box.classList.add("here");
  box.onkeydown = (event) => {
    if (event.key !== "Escape" || !box.open) return;
    box.open = false;
    summary.focus();
    event.stopPropagation();
  };
  box.ontoggle = () => {
    if (box.open) for (const other of frame.bar.querySelectorAll("details[open]")) if (other !== box) other.open = false;
  };
  return box;
}

function closeMenus(bar) {
  for (const open of bar.querySelectorAll("details[open]")) open.open = false;
}

function drawFooter(frame, said) {
  const { footer } = frame;
  const back = stop(frame, -1);
  const on = stop(frame, 1);
  const dots = make("ol", "dots");
  dots.setAttribute("aria-label", "Parts of this page");
  for (let index = 0; index < said.parts && said.parts > 1; index++) {
    const dot = dots.appendChild(make("li")).appendChild(make("button"));
    dot.type = "button";
    dot.setAttribute("aria-label", `Part ${index + 1} of ${said.parts}`);
    if (index === said.part) dot.setAttribute("aria-current", "step");
    dot.onclick = () => frame.say("part", index);
  }
  const focused = footer.getRootNode().activeElement;
  const which = [...footer.querySelectorAll("button")].indexOf(focused);
  footer.replaceChildren(back, dots, on);
  // The button that was pressed keeps the focus, so that the keyboard can press it again.
  if (which >= 0) footer.querySelectorAll("button")[which]?.focus();
}

// The button to the part or page before (-1) or after (1) this one.
function stop(frame, way) {
  const { said } = frame;
  const button = make("button", way > 0 ? "go on" : "go");
  button.type = "button";
  const part = said.part + way;
  const page = way > 0 ? said.after : said.before;
  const step = frame.lesson.has(way);
  if (step === false) button.hidden = true;
  else if (step || (part >= 0 && part < said.parts)) button.textContent = way > 0 ? "Next" : "Back";
  else if (page) button.textContent = page[1];
  else button.hidden = true;
  button.textContent = way > 0 ? `${button.textContent} →` : `← ${button.textContent}`;
  button.onclick = () => turn(frame, way);
  return button;
}

// What the clicker, the remote and the buttons below do: a question that is open goes on first, then the lesson, where there is one.
function turn(frame, way) {
  const { said } = frame;
  if (way > 0 && frame.presenter.goesOn()) return;
  if (frame.lesson.turn(way)) return;
  const part = said.part + way;
  const page = way > 0 ? said.after : said.before;
  if (part >= 0 && part < said.parts) frame.say("part", part);
  else if (page) frame.say("page", page[0]);
}

function toggleBlank({ blank, presenter }, is = blank.hidden) {
  blank.hidden = !is;
  presenter.blank(is);
}

// The buttons of the remote.
const PRESSES = {
  next: (frame) => turn(frame, 1),
  back: (frame) => turn(frame, -1),
  blank: (frame) => toggleBlank(frame),
  code: (frame) => frame.presenter.toggleCorner(),
};

// Keys are taken in a lecture alone, but for the one that begins it; never while something is typed or a control has the focus.
function onKey(frame, event) {
  if (document.documentElement.classList.contains("glass-away")) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.composedPath()[0];
  if (target.closest?.("input, textarea, select, [contenteditable], [role=slider], [role=combobox], [role=textbox]")) return;
  const { said, blank } = frame;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const pressed = target.closest?.("button, a, summary, [role=tab], [role=button]");
  if (key === "l") frame.say("lecture", !said.lecture);
  else if (!said.lecture) return;
  else if (key === "b" || key === ".") toggleBlank(frame);
  else if (key === "Escape" && !blank.hidden) toggleBlank(frame, false);
  else if (key === "c") frame.presenter.toggleCorner();
  else if (key === "p") frame.presenter.pointer.toggle();
  else if (key === "n") frame.lesson.toggle();
  else if (key === "f") document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
  else if (key === "PageDown" || (key === "ArrowRight" && !pressed) || (key === " " && !pressed)) turn(frame, 1);
  else if (key === "PageUp" || (key === "ArrowLeft" && !pressed)) turn(frame, -1);
  else if (key >= "0" && key <= "9") {
    const chapter = said.groups[0][1][(Number(key) + 9) % 10];
    if (chapter) frame.say("page", chapter[0]);
  } else return;
  event.preventDefault();
}
