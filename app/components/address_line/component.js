import { takeNoSpace } from "../shared/elements.js";
import { unpack } from "../shared/shelf.js";

export default function ({ data, parentElement }) {
  takeNoSpace(parentElement);
  history.replaceState(history.state, "", `?${unpack(data).header.query}`);
}
