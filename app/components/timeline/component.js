// Chips are kept and changed in place, so that a step adds one chip and moves nothing else.
export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  let root = parentElement.querySelector(".root");
  if (!root) {
    root = document.createElement("div");
    root.className = "root";
    root.append(document.createElement("ol"), document.createElement("p"));
    root.children[1].className = "legend";
    root.children[1].append("probability 0 %", document.createElement("i"), "100 %");
    parentElement.append(root);
  }
  const [list, legend] = root.children;
  list.className = header.compact ? "chips compact" : "chips";
  list.setAttribute("aria-label", "The sequence, token by token");
  legend.hidden = !header.chips.some((c) => c[2] === "chosen");
  while (list.children.length > header.chips.length) list.lastChild.remove();
  while (list.children.length < header.chips.length) list.append(emptyChip());
  header.chips.forEach(([id, text, kind, p], index) => {
    const chip = list.children[index].firstChild;
    chip.textContent = text;
    chip.className = `chip ${kind}${index === header.position ? " focus" : ""}`;
    chip.style.setProperty("--p", p ?? 0);
    const chance = p === null ? "" : `, probability ${percent(p)}`;
    const what = { prompt: "prompt", chosen: "chosen", ghost: "further on", next: "next" }[kind];
    chip.title = kind === "next" ? "the next token" : `position ${index}, id ${id}, ${what}${chance}`;
    chip.setAttribute("aria-label", kind === "next" ? "go to the newest step" : `token ${text}, ${chip.title}`);
    chip.onclick = () => setTriggerValue("pick", index);
  });
  if (list.lastChild) {
    const focus = list.querySelector(".focus") ?? list.querySelector(".next") ?? list.lastChild;
    const box = focus.parentElement ?? focus;
    list.scrollTop = Math.max(0, box.offsetTop - list.offsetTop - list.clientHeight / 2);
  }

  function emptyChip() {
    const item = document.createElement("li");
    const chip = document.createElement("button");
    chip.type = "button";
    item.append(chip);
    item.style.maxWidth = "100%";
    return item;
  }
}
