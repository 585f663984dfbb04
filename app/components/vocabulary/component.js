// Shows nothing: puts what it is given on the shelf, and tells those who wait for it.
import { takeNoSpace } from "../shared/elements.js";
import { inflated, shelf, unpack } from "../shared/shelf.js";

export default function ({ data, parentElement }) {
  takeNoSpace(parentElement);
  const { header, arrays } = unpack(data);
  if (arrays.deflated && shelf.values.has(header.name)) return; // a vocabulary never changes
  if (arrays.deflated) inflated(arrays.deflated.data).then((text) => put(header, { text: { data: text } }));
  else put(header, arrays);
}

function put({ name, value }, arrays) {
  shelf.values.set(name, { value, ...arrays });
  shelf.dispatchEvent(new Event(name));
}
