// Texts that come as HTML: what they may hold. The page's policy forbids scripts anyway; this keeps out whatever else is no text.
import { recolouredStyle } from "./colours.js";

const TAGS = new Set(
  (
    "A ABBR B BLOCKQUOTE BR CODE DIV EM FIGCAPTION FIGURE H1 H2 H3 H4 HR I INS LI MARK OL P PRE SMALL SPAN STRONG SUB SUP " +
    "TABLE TBODY TD TH THEAD TR U UL"
  ).split(" "),
);
const MATHS = new Set(
  (
    "math mrow mi mo mn ms mtext mspace msub msup msubsup mfrac msqrt mroot munder mover munderover mtable mtr mtd mstyle " +
    "mpadded mphantom"
  ).split(" "),
);
const MATHS_SAY = new Set(
  "display displaystyle stretchy fence form separator columnalign columnspacing rowspacing linethickness mathvariant width".split(
    " ",
  ),
);
const ATTRIBUTES = new Set(["class", "style", "title", "aria-label", "aria-hidden", "colspan", "rowspan", "scope"]);

// HTML -> a fragment. link(address): where a link of the app leads; table: colours to exchange, null for none.
export function safe(html, link, table) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const fragment = document.createDocumentFragment();
  fragment.append(...parsed.body.childNodes);
  for (const element of fragment.querySelectorAll("*")) clean(element, link, table);
  return fragment;
}

function clean(element, link, table) {
  const isMaths = MATHS.has(element.tagName);
  if (!isMaths && !TAGS.has(element.tagName)) {
    element.remove();
    return;
  }
  const address = element.tagName === "A" ? element.getAttribute("href") : null;
  for (const { name } of [...element.attributes])
    if (!ATTRIBUTES.has(name) && !(isMaths && MATHS_SAY.has(name))) element.removeAttribute(name);
  if (table && element.hasAttribute("style")) element.style.cssText = recolouredStyle(element.getAttribute("style"), table);
  if (address === null) return;
  element.href = link(address);
  element.target = "_blank";
  element.rel = "noopener";
}
