// Walking through a tree of texts with the arrow keys.
import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf, walk } from "../../app/components/text_tree/walk.js";

// a b c          lane 0
//   └ d e      lane 1, from a
//       └ f    lane 2, from d
const block = (name, depth, lane, parentLane = lane) => ({ name, depth, lane, parentLane });
const blocks = [block("a", 3, 0), block("b", 4, 0), block("c", 5, 0), block("d", 4, 1, 0), block("e", 5, 1), block("f", 5, 2, 1)]; // prettier-ignore
const at = (name) => blocks.find((each) => each.name === name);
const went = (name, ...keys) => keys.reduce((from, key) => walk(blocks, from, key), at(name)).name;

test("right and left go along a text, and back to where it left another", () => {
  assert.equal(went("a", "ArrowRight", "ArrowRight"), "c");
  assert.equal(went("e", "ArrowLeft", "ArrowLeft"), "a");
  assert.equal(went("f", "ArrowLeft"), "d");
});

test("where a text ends, right stays; where the first one begins, left stays", () => {
  assert.equal(went("c", "ArrowRight"), "c");
  assert.equal(went("a", "ArrowLeft"), "a");
});

test("down and up go to the other texts, as near as they have a token", () => {
  assert.equal(went("b", "ArrowDown"), "d");
  assert.equal(went("a", "ArrowDown", "ArrowDown"), "f");
  assert.equal(went("f", "ArrowDown"), "f");
  assert.equal(went("f", "ArrowUp", "ArrowUp"), "c");
});

test("home and end are the ends of the text, with what it shares", () => {
  assert.equal(went("f", "Home"), "a");
  assert.equal(went("d", "End"), "e");
  assert.deepEqual(
    textOf(blocks, 2).map(({ name }) => name),
    ["a", "d", "f"],
  );
});

test("a key that is no direction stays", () => assert.equal(went("b", "PageDown"), "b"));
