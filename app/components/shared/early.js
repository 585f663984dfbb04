// Runs before Streamlit's own code, so that what listens here hears of the browser's Back first. A component takes it (address).
addEventListener("popstate", (event) => globalThis.glassBack?.(event));
