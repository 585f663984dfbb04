// Chips are kept and changed in place, so that a step adds one chip and moves nothing else.

import { make, tellDrawn } from "../shared/elements.js";
import { percent } from "../shared/numbers.js";
import { shelf, unpack } from "../shared/shelf.js";

// What the sentence bar shows lies on the shelf, for a timeline that was only told the mark of it.
export const late = true;
const SHOWN = "timeline";
const roots = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let root = roots.get(parentElement);
  if (!root) roots.set(parentElement, (root = newRoot(parentElement)));
  const said = unpack(data);
  root.pick = (index) => setTriggerValue("pick", index);
  root.wanted = said.header.mark;
  root.prose = said.header.prose;
  root.list.classList.add(root.prose ? "prose" : "chips");
  if (said.header.texts) draw(root, said);
  else drawShown(root);
  if (!root.prose) return;
  shelf.values.set(SHOWN, said);
  shelf.dispatchEvent(new Event(SHOWN));
}

function newRoot(parentElement) {
  const element = parentElement.appendChild(make("div", "root"));
  const list = element.appendChild(make("ol"));
  list.addEventListener("scroll", () => list.classList.toggle("cut", list.scrollTop > 0), { passive: true });
  list.setAttribute("aria-label", "The sequence, token by token");
  const legend = element.appendChild(make("p", "legend"));
  legend.append("probability 0 %", make("i"), "100 %");
  const root = { list, legend };
  const arrived = () => {
    if (element.isConnected) drawShown(root);
    else shelf.removeEventListener(SHOWN, arrived); // its page is gone
  };
  shelf.addEventListener(SHOWN, arrived);
  return root;
}

// Either may come first: what the sentence bar shows, or the word that it is wanted here too.
function drawShown(root) {
  const shown = shelf.values.get(SHOWN);
  if (shown?.header.mark === root.wanted) draw(root, shown);
}

function draw(root, { header, arrays }) {
  if (root.drawn === header.mark) return;
  root.drawn = header.mark;
  const { list, legend } = root;
  const kinds = header.kinds.flatMap(([kind, count]) => Array(count).fill(kind));
  legend.hidden = root.prose || !kinds.includes("chosen");
  while (list.children.length > kinds.length) list.lastChild.remove();
  while (list.children.length < kinds.length) list.append(newChip(root, list.children.length));
  header.texts.forEach((text, index) => {
    const chip = list.children[index].firstChild;
    write(root, chip, index, text, kinds[index], arrays.ids.data[index], arrays.probabilities.data[index]);
    chip.classList.toggle("focus", index === header.position);
    chip.dataset.says = kinds[index] === "next" ? header.says : "";
  });
  if (list.lastChild) showFocus(list);
  tellDrawn(list);
}

// Most chips stay what they are from one click to the next: a thousand that are written again cost more than all else.
function write(root, chip, index, text, kind, id, p) {
  const said = `${kind} ${id} ${p} ${text}`;
  if (chip.said === said) return;
  chip.said = said;
  chip.textContent = root.prose ? text.replaceAll("␣", " ") : text;
  chip.className = `chip ${kind}`;
  chip.style.setProperty("--p", Math.max(0, p));
  const chance = p < 0 ? "" : `, probability ${percent(p)}`;
  chip.title = kind === "next" ? "the next token" : `position ${index}, id ${id}, ${kind}${chance}`;
  chip.setAttribute("aria-label", kind === "next" ? `append ${text}` : `token ${text}, ${chip.title}`);
}

function showFocus(list) {
  const focus = list.querySelector(".focus") ?? list.querySelector(".next") ?? list.lastChild;
  const box = focus.parentElement ?? focus;
  const top = box.offsetTop - list.offsetTop;
  const end = list.scrollHeight - list.clientHeight;
  // The end, with the next token, where the focus is seen there too; else the focus with the line before it.
  const line = list.classList.contains("prose") ? parseFloat(getComputedStyle(list).lineHeight) : 0;
  const before = line ? (Math.floor(top / line) - 1) * line : top - list.clientHeight / 2; // of running text whole lines
  list.scrollTop = top < end ? Math.max(0, before) : end;
  list.classList.toggle("cut", list.scrollTop > 0);
}

function newChip(root, index) {
  const item = make("li");
  item.style.maxWidth = "100%";
  const chip = item.appendChild(make("button"));
  chip.type = "button";
  chip.onclick = () => root.pick(index);
  return item;
}
