// Pictures of the figure below a menu, and the link to the view. A figure saves itself: what is pressed here are the buttons that each
// has of its own (class `save`), which are out of sight where a menu stands in for them.
import { make } from "../shared/elements.js";
import { unpack } from "../shared/shelf.js";

export default function ({ data, parentElement }) {
  const { menu, link } = unpack(data).header;
  const root = make("div", "items");
  const found = saveButtons(document.querySelector(`.st-key-${CSS.escape(menu)}`));
  const several = new Set(found.map((button) => button.getRootNode().host)).size > 1;
  for (const button of found) {
    const of = several ? `: ${titleOf(button)}` : "";
    root.append(item(`Picture as ${button.dataset.save}${of}`, () => button.click()));
  }
  const copy = item("Copy the link to this view", () => copied(copy));
  copy.disabled = !link;
  if (!link) copy.textContent = "No link: the address would be too long";
  root.append(copy);
  parentElement.replaceChildren(root);
}

function item(says, act) {
  const button = make("button", "", says);
  button.type = "button";
  button.onclick = act;
  return button;
}

// Of everything between this menu and the next one.
function saveButtons(menu) {
  const found = [];
  const isMenu = '[class*="st-key-figure_menu_"]';
  let place = menu?.closest('[data-testid="stLayoutWrapper"]') ?? menu;
  while ((place = place?.nextElementSibling) && !place.matches(isMenu) && !place.querySelector(isMenu))
    for (const element of [place, ...place.querySelectorAll("*")])
      if (element.shadowRoot) found.push(...element.shadowRoot.querySelectorAll("button.save"));
  return found;
}

function titleOf(button) {
  const figure = button.closest("figure, section");
  return figure?.querySelector(".title")?.textContent ?? figure?.getAttribute("aria-label") ?? "";
}

// Where a page may not write to the clipboard (one without https), the link is shown to be copied by hand.
async function copied(button) {
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
  } catch {
    const field = Object.assign(make("input"), { value: location.href, readOnly: true });
    field.setAttribute("aria-label", "The link to this view");
    button.replaceWith(field);
    field.focus();
    field.select();
  }
}
