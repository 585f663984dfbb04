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

// The component of a folder as Streamlit calls it. Its module may name further `styles` that it borrows from other folders.
export async function mount(name) {
  const own = ["shared/shared.css", `${name}/component.css`].map(sheet);
  const { default: draw, styles = [] } = await import(`../${name}/component.js`);
  const all = await Promise.all([own[0], ...styles.map(sheet), own[1]]);
  return (component) => {
    component.parentElement.adoptedStyleSheets = all;
    const close = draw(component);
    component.parentElement.host.toggleAttribute("data-drawn", true); // it has its height: what stands below may show (page.css)
    return close;
  };
}
