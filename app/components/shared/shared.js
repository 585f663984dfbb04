// The other half of app/components/__init__.py:pack. Returns {header, arrays: {name: {data: TypedArray, shape}}}.
function unpack(bytes) {
  const whole = bytes.slice(); // what arrives is a view that is not 4-byte aligned
  const length = new DataView(whole.buffer).getUint32(0, true);
  const { header, arrays } = JSON.parse(new TextDecoder().decode(whole.subarray(4, 4 + length)));
  const kinds = { float32: Float32Array, int32: Int32Array, uint16: Uint16Array, uint8: Uint8Array };
  const out = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(arrays)) {
    const size = shape.reduce((a, b) => a * b, 1);
    out[name] = { data: new kinds[dtype](whole.buffer, 4 + length + offset, size), shape };
  }
  return { header, arrays: out };
}

// Black or white, whichever stands out more on a colour [red, green, blue]. As `ink_on` in app/charts/theme.py.
function inkOn(colour) {
  const [r, g, b] = colour.map((c) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

// An element with a class and, as plain text, its content.
function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// Hand a file to the visitor.
function offer(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// For a component that shows nothing: its container would leave a gap in the page.
function takeNoSpace(parentElement) {
  const container = parentElement.host.closest('[data-testid="stElementContainer"]');
  if (container) container.style.display = "none";
}

// What is sent once and read by several components (app/components/vocabulary): name -> {value, ...arrays}, and an event of that name.
const shelf = (globalThis.glassShelf ??= Object.assign(new EventTarget(), { values: new Map() }));

// The visible text of a token: from the model's vocabulary, or its id until that has arrived.
function tokenText(model, id) {
  const vocabulary = shelf.values.get(`vocabulary:${model}`);
  if (!vocabulary) return `token ${id}`;
  vocabulary.texts ??= new TextDecoder().decode(vocabulary.text.data).split("\n");
  return vocabulary.texts[id] ?? `token ${id}`;
}
