import { takeNoSpace } from "../shared/elements.js";

// One listener for each, whatever becomes of the component; what they call is what the component was handed last.
const addressHeard = (globalThis.glassAddress ??= { tell: null, path: location.pathname, listening: false, times: 0 });

export default function ({ parentElement, setTriggerValue }) {
  takeNoSpace(parentElement);
  addressHeard.tell = (what, query = "") => setTriggerValue(what, [(addressHeard.times += 1), query]);
  addressHeard.path = location.pathname;
  if (addressHeard.listening) return;
  addressHeard.listening = true;
  // To another page Streamlit goes by itself. Within one it would have the page drawn as it was, which writes the old address again, so it
  // is not asked: the visitor's wish comes first, and alone.
  globalThis.glassBack = (event) => {
    if (location.pathname !== addressHeard.path) return;
    event.stopImmediatePropagation();
    addressHeard.tell("back", location.search);
  };
  const app = document.querySelector('[data-testid="stApp"]');
  const away = document.documentElement.classList;
  let connected = true;
  let ran = false;
  // A click that reaches a server before it knows this page is lost. So nothing can be clicked from the moment that the connection
  // breaks until the first run behind it has drawn the page again.
  new MutationObserver(() => {
    const running = app.dataset.testScriptState !== "notRunning";
    if (app.dataset.testConnectionState !== "CONNECTED") {
      connected = ran = false;
      away.add("glass-away");
    } else if (!connected) {
      connected = true;
      addressHeard.tell("again");
    } else if (away.contains("glass-away")) {
      if (ran && !running) away.remove("glass-away");
      ran ||= running;
    }
  }).observe(app, { attributes: true, attributeFilter: ["data-test-connection-state", "data-test-script-state"] });
}
