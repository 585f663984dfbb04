// A tree of texts as blocks in lanes: one of them takes the focus, the arrow keys carry it on.
import { make } from "../shared/elements.js";
import { percent } from "../shared/numbers.js";
import { unpack } from "../shared/shelf.js";
import { textOf, walk } from "./walk.js";

const KINDS = { present: "the text in view", left: "another text", offered: "not written yet" };
const HINT = "Arrow keys walk through the tree; Enter, or a click, takes the text up to that token.";
const trees = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let tree = trees.get(parentElement);
  if (!tree) trees.set(parentElement, (tree = newTree(parentElement)));
  tree.pick = (index) => setTriggerValue("pick", index);
  const { header, arrays } = unpack(data);
  draw(tree, header, arrays.probabilities.data);
}

function newTree(parentElement) {
  const root = parentElement.appendChild(make("figure", "tree"));
  const title = root.appendChild(make("figcaption"));
  const legend = root.appendChild(make("p", "legend"));
  const lanes = root.appendChild(make("div", "lanes"));
  lanes.setAttribute("role", "group");
  const told = root.appendChild(make("p", "told", HINT));
  told.setAttribute("role", "status");
  const tree = { title, legend, lanes, told };
  lanes.addEventListener("keydown", (event) => {
    const from = tree.blocks[event.target.closest("button")?.index];
    if (!from || !/^(Arrow|Home|End)/.test(event.key)) return;
    event.preventDefault();
    enter(tree, walk(tree.blocks, from, event.key).button);
  });
  lanes.addEventListener("pointerleave", () => tell(tree));
  return tree;
}

function draw(tree, header, probabilities) {
  const { lanes, title, legend } = tree;
  const held = lanes.contains(lanes.getRootNode().activeElement);
  title.textContent = header.title;
  lanes.setAttribute("aria-label", header.title);
  tree.blocks = header.blocks.map(([token, depth, lane, parentLane, kind], index) => ({
    token,
    depth,
    lane,
    parentLane,
    kind,
    p: probabilities[index],
  })); // prettier-ignore
  const kinds = Object.keys(KINDS).filter((kind) => tree.blocks.some((block) => block.kind === kind));
  legend.replaceChildren(
    ...kinds.map((kind) => make("span", kind, KINDS[kind])),
    make("span", "", "a block is a token, as thick as its probability"),
  );
  const drawn = tree.blocks.map((block, index) => newBlock(tree, block, index, header.first));
  lanes.replaceChildren(...forks(tree.blocks, header.first), ...drawn);
  const [lane, depth] = header.focus ?? [0, header.first];
  const focus = tree.blocks.find((block) => block.lane === lane && block.depth === depth) ?? tree.blocks[0];
  focus.button.classList.toggle("focus", header.focus !== null);
  tree.focus = focus;
  for (const { button } of tree.blocks) button.tabIndex = button === focus.button ? 0 : -1;
  if (held) focus.button.focus({ preventScroll: true });
  lanes.scrollLeft = focus.button.offsetLeft - lanes.clientWidth / 2;
  tell(tree);
}

function newBlock(tree, block, index, first) {
  const button = make("button", block.kind);
  button.type = "button";
  button.index = index;
  button.style.gridRow = block.lane + 1;
  button.style.gridColumn = block.depth - first + 1;
  button.append(make("span", "", block.token), make("i"));
  button.lastChild.style.setProperty("--p", block.p);
  button.setAttribute("aria-label", said(block));
  button.onclick = () => tree.pick(index);
  button.onfocus = button.onpointerenter = () => tell(tree, block);
  return (block.button = button);
}

// Where a text leaves another one: a line down from the lane of the token before.
function forks(blocks, first) {
  return blocks
    .filter(({ lane, parentLane }) => lane !== parentLane)
    .map(({ depth, lane, parentLane }) => {
      const line = make("i", "fork");
      line.style.gridRow = `${Math.min(lane, parentLane) + 1} / ${Math.max(lane, parentLane) + 2}`;
      line.style.gridColumn = depth - first + 1;
      return line;
    });
}

function said({ token, p, lane, depth, kind }) {
  return `${token}, ${percent(p)}, text ${lane + 1}, position ${depth}, ${KINDS[kind]}`;
}

function enter(tree, button) {
  for (const block of tree.blocks) block.button.tabIndex = block.button === button ? 0 : -1;
  button.focus();
  button.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// Under the tree: the token that is pointed at, and the last ones before it.
function tell(tree, block) {
  if (!block) return void tree.told.replaceChildren(HINT);
  const text = textOf(tree.blocks, block.lane).filter(({ depth }) => depth < block.depth);
  const before = text.slice(-6).map(({ token }) => token.replaceAll("␣", " "));
  tree.told.replaceChildren(
    `${text.length > 6 ? "…" : ""}${before.join("")}`,
    make("b", "", block.token.replaceAll("␣", " ")),
    ` has ${percent(block.p)} here.`,
  );
}
