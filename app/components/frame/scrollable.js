// What the page needs at every change of its elements. What lies outside the app, menus and dialogs, learns whether it is light or dark,
// on which light-dark() depends. What scrolls sideways (a long formula, a wide table, code) is a stop of the tab key while it does, so that the arrow keys can scroll it.
const SCROLLS = '.katex-display, .table-box, [data-testid="stCode"] pre';

function mark() {
  const { colorScheme } = getComputedStyle(document.querySelector('[data-testid="stApp"]') ?? document.documentElement);
  const { style } = document.documentElement;
  if (style.colorScheme !== colorScheme) style.colorScheme = colorScheme; // all styles are worked out anew
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
  const watch = new MutationObserver(soon);
  watch.observe(document.body, { childList: true, subtree: true });
  watch.observe(document.querySelector('[data-testid="stApp"]') ?? document.body, { attributeFilter: ["class"] }); // another theme
  addEventListener("resize", soon);
  soon();
}
