import { unpack } from "../shared/shelf.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  let rail = parentElement.querySelector(".rail");
  if (!rail) {
    rail = document.createElement("div");
    rail.className = "rail";
    rail.setAttribute("role", "tablist");
    rail.setAttribute("aria-label", "The seven steps of generation");
    parentElement.append(rail);
    header.stations.forEach((_, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "station";
      button.setAttribute("role", "tab");
      button.append(document.createElement("span"), document.createElement("b"), document.createElement("code"));
      button.children[0].textContent = index + 1;
      rail.append(button);
    });
    rail.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const all = [...rail.children];
      const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
      next.focus();
      next.click();
      event.preventDefault();
    });
  }
  header.stations.forEach(([name, figure, stage], index) => {
    const button = rail.children[index];
    button.children[1].textContent = name;
    button.children[2].textContent = figure;
    button.title = figure;
    button.style.setProperty("--stage", `var(--${stage.replace("_", "-")})`);
    button.setAttribute("aria-selected", index === header.selected);
    button.tabIndex = index === header.selected ? 0 : -1;
    button.onclick = () => setTriggerValue("select", index);
  });
}
