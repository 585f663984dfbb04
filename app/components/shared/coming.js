// While a page comes up, what stands below something that is still to come is not shown (coming.css). When all has come these
// rules are put out of force, since they cost some milliseconds at every change of the page.
const TO_COME = '[data-testid="stSkeleton"], [data-testid="stBidiComponentIsolated"]:not([data-drawn])';
const CALM = 3; // frames in a row in which nothing is to come
const LONGEST = 8000; // milliseconds that one waits for what does not come
let began = null;

// A page, or another part of it, begins to come up.
export function comes() {
  const sheet = document.querySelector('link[href$="shared/coming.css"]')?.sheet;
  if (!sheet) return;
  sheet.disabled = false;
  const isWatched = began !== null;
  began = performance.now();
  if (!isWatched) watch(sheet, 0);
}

function watch(sheet, calm) {
  requestAnimationFrame(() => {
    const runs = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState !== "notRunning";
    const now = runs || document.querySelector(TO_COME) ? 0 : calm + 1;
    if (now < CALM && performance.now() - began < LONGEST) return watch(sheet, now);
    began = null;
    sheet.disabled = true;
  });
}

comes(); // the page that this module came with
