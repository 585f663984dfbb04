// How a component comes to the page: its module and its styles are fetched by address, once a visit; messages bring data alone.
const sheets = new Map(); // address -> promise of the style sheet, which all components share

function sheet(name) {
  const address = new URL(`../${name}`, import.meta.url).href;
  if (!sheets.has(address)) sheets.set(address, fetched(address));
  return sheets.get(address);
}

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return new CSSStyleSheet().replace(await answer.text());
}

// The component of a folder as Streamlit calls it. Its module may name further `styles` that it borrows from other folders. What has its
// height carries the mark `data-drawn`, and what stands below it may show (coming.css); a module that is `late` (it waits for the shelf) says it by itself, with tellDrawn.
export async function mount(name) {
  const own = ["shared/shared.css", `${name}/component.css`].map(sheet);
  const { default: draw, styles = [], late = false } = await import(`../${name}/component.js`);
  const all = await Promise.all([own[0], ...styles.map(sheet), own[1]]);
  return (component) => {
    component.parentElement.adoptedStyleSheets = all;
    const close = draw(component);
    if (!late) component.parentElement.host.toggleAttribute("data-drawn", true);
    return close;
  };
}
