// The recorded run: its data come once, by the shelf; where one looks is said by the page and by the hand.
import { tellDrawn } from "../shared/elements.js";
import { shelf, unpack } from "../shared/shelf.js";
import { RunView } from "./view.js";

export { styles } from "./view.js";
export const late = true;

const views = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  let held = views.get(parentElement);
  if (!held) {
    held = { view: new RunView(parentElement, { onRest: (at) => held.say("at", at), onHead: (head) => held.say("head", head) }) };
    held.arrive = () => arrive(held);
    shelf.addEventListener(header.shelf, held.arrive);
    views.set(parentElement, held);
  }
  held.say = (name, value) => {
    held.told = { ...held.told, [name]: value };
    setTriggerValue(name, value);
  };
  held.header = header;
  held.arrive();
  return () => {
    shelf.removeEventListener(header.shelf, held.arrive);
    held.view.close();
    views.delete(parentElement);
  };
}

function arrive(held) {
  const { header, view } = held;
  const kept = shelf.values.get(header.shelf);
  if (!kept) return; // still on its way
  const look = JSON.stringify(header.said);
  if (held.value !== kept.value || held.look !== look) {
    const { value, maps, plane } = kept;
    const each = maps.shape.slice(1).reduce((a, b) => a * b, 1);
    const run = {
      ...value,
      maps: value.steps.map((_, i) => maps.data.subarray(i * each, (i + 1) * each)),
      plane: { ...value.plane, planes: plane.data },
    };
    view.receive(run, header.said, view.run ? view.at : header.at, view.run ? view.maps.head : header.head);
  } else if (header.at !== held.at && header.at !== held.told?.at) view.show(header.at);
  Object.assign(held, { value: kept.value, look, at: header.at });
  tellDrawn(view.root);
}
