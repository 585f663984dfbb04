// Shows nothing: takes a map's question for the exact values of a row to Python, and the answer to the map. It stands in a fragment
// of its own, so that pointing at a long map runs this question and no more.
import { takeNoSpace } from "../shared/elements.js";
import { shelf, unpack } from "../shared/shelf.js";

const posts = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  takeNoSpace(parentElement);
  const { header, arrays } = unpack(data);
  let post = posts.get(parentElement);
  if (!post) {
    posts.set(parentElement, (post = { abort: new AbortController() }));
    shelf.addEventListener(`${header.map}:ask`, ({ detail }) => post.send("cell", detail), { signal: post.abort.signal });
  }
  post.send = setTriggerValue;
  // Without a row it says that it is there now: a question from before that went unheard.
  shelf.values.set(`${header.map}:row`, { value: header, ...arrays });
  shelf.dispatchEvent(new Event(`${header.map}:row`));
  return () => post.abort.abort();
}
