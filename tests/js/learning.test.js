// What the view of a training reckons: rows of packed maps, how far attention is spread, the places of steps, the figure of losses.
import assert from "node:assert/strict";
import { test } from "node:test";
import { lossFigure, placeOf } from "../../app/components/training_run/chart.js";
import { rowsOf, spread, WHOLE } from "../../app/components/training_run/maps.js";

const colours = { training: "#111", held_out: "#222", other: "#333", ink: "#444", soft: "#555", line: "#666", paper: "#fff" };
const said = { title: "t", alt: "a", name: "n", colours };
const run = {
  steps: [0, 10, 100],
  training: [4, 3, 2],
  held_out: [4.1, 3.2, 2.5],
  baselines: [["uniform", 4.2]],
  others: [],
};

test("packed rows grow by one weight each and are shares again", () => {
  const rows = rowsOf(Uint16Array.from([WHOLE, WHOLE, 0, 0, 0, WHOLE]), 3);
  assert.deepEqual(rows, [[1], [1, 0], [0, 0, 1]]);
});

test("attention on one character is spread over one, even attention over all", () => {
  assert.equal(spread([[1], [0, 1]]), 1);
  assert.ok(Math.abs(spread([[1], [0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]]) - 2) < 1e-12);
});

test("steps are spaced by ratio, and step 0 has a place", () => {
  assert.equal(placeOf(0), 0);
  assert.ok(Math.abs(placeOf(99) - 2 * placeOf(9)) < 1e-12);
});

test("the figure marks the checkpoint in view on both lines, and every guesser by a level with its loss", () => {
  const { data, layout } = lossFigure(run, 1, said);
  const dots = data.filter(({ mode }) => mode === "markers");
  assert.deepEqual(
    dots.map(({ x, y }) => [x[0], y[0]]),
    [
      [placeOf(10), 3],
      [placeOf(10), 3.2],
    ],
  );
  assert.deepEqual(
    layout.shapes.map(({ x0, y0 }) => [x0, y0]),
    [
      [0, 4.2],
      [placeOf(10), 0],
    ],
  );
  assert.equal(layout.annotations[0].text, "uniform 4.20");
  assert.ok(layout.yaxis.range[1] > 4.2);
});

test("a run that has no checkpoint yet draws its axes and the guessers", () => {
  const { data, layout } = lossFigure({ ...run, steps: [], training: [], held_out: [] }, 0, said);
  assert.ok(data.every(({ mode }) => mode === "lines") && layout.shapes.length === 1);
});
