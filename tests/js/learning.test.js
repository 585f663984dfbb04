// What the view of a training reckons: rows of packed maps, how far attention is spread, the places of steps, the figure of losses.
import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyRun, status, take, weightsOf } from "../../app/components/live_run/news.js";
import { lossFigure, placeOf, turn } from "../../app/components/training_run/chart.js";
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

test("a loss has turned when it has risen by enough since its lowest, and never before", () => {
  assert.equal(turn([4, 3, 2.5, 2.6]), 2);
  assert.equal(turn([4, 3, 2.5, 2.54]), -1);
  assert.equal(turn([4, 3, 2]), -1);
  assert.equal(turn([]), -1);
});

test("a loss that turned is marked where it was lowest", () => {
  const { layout } = lossFigure({ ...run, held_out: [4.1, 2.5, 3.5] }, 2, said);
  assert.ok(layout.shapes.some(({ x0, line }) => x0 === placeOf(10) && line.dash === "dot"));
  assert.equal(layout.annotations.at(-1).text, "lowest: step 10");
});

const row = (step) => ({
  step,
  seconds: step / 2,
  training: 3,
  held_out: 3,
  sample: "ab",
  copied: [0, 5, 2],
  around: ["x", "y"],
  maps: "AAD//w==",
  plane: Buffer.from(new Float32Array([step, 0, 0, -1]).buffer).toString("base64"),
});
const begun = {
  kind: "begun",
  layers: 2,
  heads: 2,
  baselines: [["uniform", 4]],
  prompt: "p",
  usual_run: 9,
  text: ["a", "b"],
  names: ["a", "b"],
  kinds: ["vowel", "consonant"],
};

test("rows that come in several answers make one run, and another training begins anew", () => {
  const live = emptyRun();
  const known = { number: 0, rows: 0 };
  assert.equal(take(live, known, { number: 0 }, []), "");
  assert.equal(take(live, known, { number: 3, from: 0, begun, rows: [row(0), row(1)] }, []), "new");
  assert.equal(take(live, known, { number: 3, from: 2, rows: [row(2)] }, []), "rows");
  assert.equal(take(live, known, { number: 3, from: 3, rows: [] }, []), "");
  assert.deepEqual(live.steps, [0, 1, 2]);
  assert.deepEqual(known, { number: 3, rows: 3 });
  assert.deepEqual(live.heads, ["layer 0, head 0", "layer 0, head 1", "layer 1, head 0", "layer 1, head 1"]);
  assert.deepEqual([live.copied[2], live.around[2], live.usual_run], [[0, 2], ["x", "y"], 9]);
  assert.deepEqual([...live.plane.planes], [0, 0, 0, -1, 1, 0, 0, -1, 2, 0, 0, -1]); // two characters, step by step
  assert.deepEqual([live.plane.names, live.plane.kinds], [begun.names, begun.kinds]);
  assert.equal(take(live, known, { number: 4, from: 0, begun, rows: [row(0)] }, ["kept"]), "new");
  assert.deepEqual([live.steps, live.others], [[0], ["kept"]]);
  assert.equal(live.plane.planes.length, 4);
});

test("weights that travelled as text are numbers again", () => {
  assert.deepEqual([...weightsOf("AAD//w==")], [0, 65535]);
});

test("what goes on is said with whose it is, how far it is and where one waits", () => {
  const words = (said) => status(said, (value) => value.toFixed(1), String);
  const one = { number: 1, title: "t", state: "running", mine: true, place: 0, progress: { step: 7, seconds: 2 } };
  assert.match(words(one), /^Your training .* Step 7, 2\.0 s of processor time\.$/);
  assert.match(words({ ...one, mine: false, place: 2, waiting: 3 }), /^Somebody's .* number 2 of 3/);
  assert.match(words({ ...one, state: "ended", why: "left" }), /left/);
  assert.match(words({ ...one, state: "ended", why: "The text has 'é'." }), /'é'/);
  assert.match(words({ number: 0, place: 0 }), /Nothing is running/);
  assert.match(words({ ...one, watches: true }), /^The training .* Step 7/);
  assert.equal(words({ number: 0, place: 0, watches: true }), "Nothing is running yet.");
});
