// The figure of the curves at one place of x.
import assert from "node:assert/strict";
import { test } from "node:test";
import { curves, reach } from "../../app/components/curve_reader/curves.js";

const rows = [{ name: "square", colour: "red", scaled: true, values: [1, 0, 1], slopes: [-2, 0, 2] }];
const reader = { rows, low: -1, step: 1, title: "T", alt: "A", name: "t", colours: {} };
const readings = [{ name: "square", colour: "red", value: 2, slope: 4 }];

test("line, marks and numbers stand at the same x, and a factor moves the curve that it scales", () => {
  const { data, layout } = curves(reader, readings, 2, 2, 800);
  assert.deepEqual([layout.shapes[0].x0, layout.shapes[0].x1], [1, 1]);
  assert.deepEqual(
    data.filter(({ mode }) => mode === "markers").map(({ x, y }) => [x[0], y[0]]),
    [
      [1, 4],
      [1, 2],
    ],
  );
  assert.deepEqual(
    data.filter(({ mode }) => mode === "lines").map(({ y }) => y),
    [
      [-4, 0, 4],
      [2, 0, 2],
    ],
  );
  assert.deepEqual(layout.annotations.map(({ text }) => text).slice(-3), ["square", "2.000", "4.000"]);
});

test("the range holds every value and stands still between two whole factors", () => {
  assert.deepEqual(reach(rows, 1.2), reach(rows, 1.9));
  const [low, high] = reach(rows, -2);
  assert.ok(low <= -4 && high >= 4);
});
