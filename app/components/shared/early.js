// Runs before Streamlit's own code, so that what listens here hears of the browser's Back first. A component takes it (address).
// A teacher's link: what makes this tab the teacher's leaves the address before anybody reads it (room/rights.js).
const found = /^#class=([2-9A-HJKMNP-Z]{6})\.([\w-]{22})$/.exec(location.hash);
if (found) {
  sessionStorage.setItem("glass-class", JSON.stringify({ code: found[1], token: found[2], role: "present" }));
  history.replaceState(history.state, "", location.pathname + location.search);
}
addEventListener("popstate", (event) => globalThis.glassBack?.(event));
// The letters of every page are fetched now, not when the first of them is to be drawn: a text that stands in others first moves when
// they come. One that does not come is asked for again when it is drawn.
const letters = ["1rem 'Source Sans'", "600 1rem 'Source Serif'", "1rem 'Material Symbols Rounded'"];
Promise.allSettled(letters.map((each) => document.fonts.load(each)));
