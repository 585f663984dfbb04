// A page that was drawn in the other mode: its colours are exchanged for those of this one. Only what is a colour as a whole, in the
// app's own table, is touched.
export function otherWay(pairs, toDark) {
  return new Map(pairs.map(([light, dark]) => (toDark ? [light, dark] : [dark, light])));
}

const swap = (table) => (found, colour) => found.replace(colour, table.get(colour.toLowerCase()) ?? colour);

// What a component is handed, as `pack` in app/components/__init__.py makes it: in its JSON, texts that are a colour.
export function recoloured(bytes, table) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const text = new TextDecoder().decode(bytes.subarray(4, 4 + length));
  const changed = text.replace(/"(#[0-9a-f]{6})(?=\\?")/gi, swap(table));
  if (changed === text) return bytes;
  const out = bytes.slice();
  out.set(new TextEncoder().encode(changed), 4); // every colour is as long as every other
  return out;
}

// The styles in HTML.
export function recolouredStyle(style, table) {
  return style.replace(/(#[0-9a-f]{6})\b/gi, swap(table));
}
