// The recorded run: its data come once, by the shelf; where one looks is said by the page and by the hand.
import { tellDrawn } from "../shared/elements.js";
import { hand } from "../shared/hand.js";
import { shelf, unpack } from "../shared/shelf.js";
import { RunView } from "./view.js";

export { styles } from "./view.js";
export const late = true;

const views = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  let held = views.get(parentElement);
  if (!held) {
    const place = `${header.shelf}:at`; // where one looks, by itself on the shelf: a class follows it while it moves
    const view = new RunView(parentElement, {
      onRest: (at) => held.say("at", at),
      onShow: (at) => hand.moved?.(place, { at }),
      onHead: (head) => held.say("head", head),
    });
    held = { view, place, arrive: () => arrive(held), follow: () => follow(view, place) };
    shelf.addEventListener(header.shelf, held.arrive);
    shelf.addEventListener(place, held.follow);
    shelf.values.set(place, { value: {} });
    shelf.dispatchEvent(new Event(place)); // a class may have moved it already
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
    shelf.removeEventListener(held.place, held.follow);
    held.view.close();
    views.delete(parentElement);
  };
}

function follow(view, place) {
  const { at } = shelf.values.get(place).value;
  if (view.run && at !== undefined && at !== view.at) view.show(at);
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
  } else {
    const isNew = (name) => header[name] !== held[name] && header[name] !== held.told?.[name];
    if (isNew("head")) view.maps.head = header.head;
    if (isNew("at")) view.show(header.at);
    else if (isNew("head")) view.draw();
  }
  Object.assign(held, { value: kept.value, look, at: header.at, head: header.head });
  tellDrawn(view.root);
}
