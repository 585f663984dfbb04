// Runs before Streamlit's own code, so that what listens here hears of the browser's Back first. A component takes it (address).
// A teacher's link: what makes this tab the teacher's leaves the address before anybody reads it (room/rights.js).
const found = /^#class=([2-9A-HJKMNP-Z]{6})\.([\w-]{22})$/.exec(location.hash);
if (found) {
  sessionStorage.setItem("glass-class", JSON.stringify({ code: found[1], token: found[2], role: "present" }));
  history.replaceState(history.state, "", location.pathname + location.search);
}
addEventListener("popstate", (event) => globalThis.glassBack?.(event));
