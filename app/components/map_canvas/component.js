// One component, two views: all heads as thumbnails ("overview"), or one map ("map"). The values come by themselves, over the
// shelf (components/vocabulary), so that a click does not send them again; `stamp` says which values a header belongs to.
import { unpack } from "../shared/shelf.js";
import { TokenMap } from "./map.js";
import { Overview } from "./overview.js";

export const late = true;
const views = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  let view = views.get(parentElement);
  if (!view || view.header.mode !== header.mode) {
    view?.close();
    view = header.mode === "overview" ? new Overview(parentElement) : new TokenMap(parentElement);
    views.set(parentElement, view);
  }
  view.send = setTriggerValue;
  view.receive(header);
  return () => (view.close(), views.delete(parentElement));
}
