// What scrolls sideways (a long formula, a wide table) is a stop of the tab key while it does, so that the arrow keys can scroll it.
const SCROLLS = ".katex-display, .table-box";

function mark() {
  for (const box of document.querySelectorAll(SCROLLS)) {
    const scrolls = box.scrollWidth > box.clientWidth + 1;
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

export function keepScrollable() {
  let waits = false;
  const soon = () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      mark();
    });
  };
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
  addEventListener("resize", soon);
  soon();
}
