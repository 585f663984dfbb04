// The drawings come as SVG from Python. A plain click on a box goes to Python, which changes the page and keeps the session; with Ctrl
// or the middle button the link opens as any other. What the links restore comes apart: it changes with every click, the drawings do not.
import { make } from "../shared/elements.js";
import { unpack } from "../shared/shelf.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const { drawings, query } = unpack(data).header;
  let map = parentElement.querySelector(".map");
  if (!map) map = parentElement.appendChild(make("div", "map"));
  map.onclick = (event) => {
    const link = event.target.closest("a[data-page]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    setTriggerValue("open", link.dataset.box);
  };
  const drawn = Object.values(drawings).join("");
  if (map.drawn !== drawn) map.innerHTML = map.drawn = drawn;
  for (const link of map.querySelectorAll("a[data-page]")) {
    const parameters = new URLSearchParams(query);
    new URLSearchParams(link.dataset.choices).forEach((value, name) => parameters.set(name, value));
    link.setAttribute("href", `${link.dataset.page}?${parameters}`);
  }
}
