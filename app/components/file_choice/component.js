// A button that lets one choose a file of text, and says what stands in it.
import { make } from "../shared/elements.js";
import { unpack } from "../shared/shelf.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const { label, longest } = unpack(data).header;
  let field = parentElement.querySelector("input");
  if (!field) {
    const box = parentElement.appendChild(make("label", "file-choice"));
    box.append(make("span"), (field = make("input")));
    Object.assign(field, { type: "file", accept: ".json,application/json" });
  }
  field.previousSibling.textContent = label;
  field.onchange = async () => {
    const [file] = field.files;
    if (!file) return;
    const text = await file.slice(0, longest + 1).text();
    field.value = ""; // so that the same file, mended, can be chosen again
    setTriggerValue("text", text);
  };
}
