// Shows nothing: puts what it is given on the shelf, and tells those who wait for it.
export default function ({ data, parentElement }) {
  // The element's container would leave a gap in the page.
  const container = parentElement.host.closest('[data-testid="stElementContainer"]');
  if (container) container.style.display = "none";
  const { header, arrays } = unpack(data);
  shelf.values.set(header.name, { value: header.value, ...arrays });
  shelf.dispatchEvent(new Event(header.name));
}
