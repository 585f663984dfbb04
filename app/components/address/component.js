import { takeNoSpace } from "../shared/elements.js";

// One listener for each, whatever becomes of the component; what they call is what the component was handed last.
const addressHeard = (globalThis.glassAddress ??= { tell: null, path: location.pathname, listening: false, times: 0 });

export default function ({ parentElement, setTriggerValue }) {
  takeNoSpace(parentElement);
  addressHeard.tell = (what) => setTriggerValue(what, (addressHeard.times += 1));
  addressHeard.path = location.pathname;
  if (addressHeard.listening) return;
  addressHeard.listening = true;
  // To another page Streamlit goes by itself; within one it changes the address and nothing else.
  window.addEventListener("popstate", () => {
    if (location.pathname === addressHeard.path) setTimeout(() => addressHeard.tell("back"));
  });
  const app = document.querySelector('[data-testid="stApp"]');
  const state = () => app.dataset.testConnectionState;
  let before = state();
  new MutationObserver(() => {
    const now = state();
    if (now === "CONNECTED" && before !== "CONNECTED") addressHeard.tell("again");
    before = now;
  }).observe(app, { attributes: true, attributeFilter: ["data-test-connection-state"] });
}
