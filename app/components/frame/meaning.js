// The meaning of a word of the field, where a text first uses it: on hover, with the focus of the keyboard, and on a tap. The word is a
// link to its entry (app/glossary.py), whose title holds the meaning; here it is shown in a box of our own, since a title is shown to
// the mouse alone.
import { make } from "../shared/elements.js";

const WORD = ':is(.st-key-finding, [data-testid="stCaptionContainer"]) a[href*="glossary?find="]';
const WAIT = 120; // milliseconds: what the mouse only passes over shows nothing, and the way from the word to its box is not cut off
const GAP = 6; // pixels between a word and its box, and from the box to the window's edge

export function explainWords() {
  const box = make("div", "glass-meaning");
  Object.assign(box, { id: "glass-meaning", role: "tooltip", hidden: true });
  document.body.appendChild(box);
  const shown = { word: null, meaning: "", timer: 0, tapped: null };

  const show = (word) => {
    clearTimeout(shown.timer);
    if (word === shown.word) return;
    hide();
    if (!word.isConnected || !word.title) return;
    Object.assign(shown, { word, meaning: word.title });
    word.removeAttribute("title"); // or the browser shows it, too
    word.setAttribute("aria-describedby", box.id);
    box.textContent = shown.meaning;
    box.style.colorScheme = getComputedStyle(word).colorScheme; // the app's, which the document has not
    box.hidden = false;
    place(box, word);
  };
  const hide = () => {
    clearTimeout(shown.timer);
    box.hidden = true;
    const { word } = shown;
    shown.word = null;
    if (!word) return;
    word.removeAttribute("aria-describedby");
    if (!word.title) word.title = shown.meaning; // unless the page was drawn anew in the meantime, and says another
  };
  const later = (what, ...given) => {
    clearTimeout(shown.timer);
    shown.timer = setTimeout(what, WAIT, ...given);
  };

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const word = event.target.closest?.(WORD);
    if (word) later(show, word);
    else if (box.contains(event.target)) clearTimeout(shown.timer);
    else if (shown.word !== document.activeElement) later(hide);
  });
  document.addEventListener("focusin", (event) => {
    const word = event.target.closest?.(WORD);
    if (word) show(word);
    else hide();
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("pointerdown", (event) => {
    const word = event.target.closest?.(WORD);
    shown.tapped = event.pointerType === "touch" && word !== shown.word ? word : null;
    if (!word && !box.contains(event.target)) hide();
  });
  document.addEventListener("click", (event) => {
    const word = event.target.closest?.(WORD);
    if (!word) return;
    const entry = new URL(word.href);
    for (const [name, value] of new URLSearchParams(location.search)) if (name !== "find") entry.searchParams.set(name, value);
    word.href = entry.href; // brings along what is in view
    if (word !== shown.tapped) return;
    event.preventDefault(); // the first tap shows the meaning, the next one follows the link
    show(word);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !box.hidden) hide();
  });
  document.addEventListener("scroll", hide, { capture: true, passive: true });
}

// Below the word, or above it where there is no room; never beyond the window's edges.
function place(box, word) {
  const at = word.getClientRects()[0];
  const below = at.bottom + GAP;
  const top = below + box.offsetHeight > innerHeight - GAP ? at.top - GAP - box.offsetHeight : below;
  box.style.top = `${Math.max(GAP, top)}px`;
  box.style.left = `${Math.max(GAP, Math.min(at.left, innerWidth - GAP - box.offsetWidth))}px`;
}
