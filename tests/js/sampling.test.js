// The choice and the stops of its sliders. That the choice is Python's, tests/browser/test_select.py holds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axisEnd, choices, nearest } from "../../app/components/choice/scales.js";
import { firstWhere, inOrder, select, sumOf } from "../../app/components/choice/select.js";
import { MIN_PS, TEMPERATURES, TOP_PS, topKs } from "../../app/components/choice/stops.js";

const OFF = { temperature: 1, top_k: null, top_p: 1, min_p: 0 };
const HALVES = Float32Array.from([8, 4, 2, 1, 1], Math.log); // probabilities 1/2, 1/4, 1/8, 1/16, 1/16

test("candidates are in order of their logits, and of equal ones the smaller id comes first", () => {
  const logits = Float32Array.of(-1.5, 0, 2, -Infinity, -0, 2, 1e-45, -1e-45, 3e38, -3e38, -Infinity, 0);
  const found = inOrder(logits);
  assert.deepEqual([...found.ids], [8, 2, 5, 6, 1, 4, 11, 7, 0, 9, 3, 10]);
  assert.deepEqual(
    [...found.logits],
    [...found.ids].map((id) => logits[id]),
  );
});

test("without a cut every candidate is kept and u falls into the interval of its size", () => {
  const found = select(HALVES, OFF, 0.8);
  assert.equal(found.n, 5);
  assert.deepEqual([found.rank, found.low.toFixed(6), found.high.toFixed(6)], [2, "0.750000", "0.875000"]);
  assert.ok(Math.abs(found.entropy - 1.875) < 1e-6 && found.entropy === found.finalEntropy);
});

test("each cut keeps a beginning, on what the one before it left", () => {
  assert.deepEqual(select(HALVES, { ...OFF, top_k: 3, top_p: 0.8, min_p: 0.3 }, 0).kept, {
    temperature: 5,
    top_k: 3,
    top_p: 2,
    min_p: 2,
  });
  assert.equal(select(HALVES, { ...OFF, top_p: 0.75 }, 0).n, 2); // the token that reaches the mass is kept, and none after it
  assert.equal(select(HALVES, { ...OFF, min_p: 0.2 }, 0).n, 3);
  assert.equal(select(HALVES, { ...OFF, temperature: 0 }, 0.999).rank, 0);
});

test("a bisection finds the first index, also where none or all pass", () => {
  for (let size = 0; size < 9; size++)
    for (let at = 0; at <= size; at++)
      assert.equal(
        firstWhere(size, (i) => i >= at),
        at,
      );
  assert.equal(sumOf([1, 2, 4, 8], 1, 3), 6);
});

test("the stops of every slider rise, and each is the nearest to itself", () => {
  for (const stops of [TEMPERATURES, TOP_PS, MIN_PS, topKs(50257).slice(0, -1)]) {
    assert.ok(stops.every((value, i) => i === 0 || value > stops[i - 1]));
    assert.ok(stops.every((value, i) => nearest(stops, value) === i));
  }
  assert.equal(nearest(topKs(300), null), topKs(300).length - 1);
});

test("an axis ends at a round number that the longest bar fits", () => {
  for (let p = 1e-6; p <= 1; p *= 1.07)
    assert.ok(axisEnd(p) >= p * (1 - 1e-9) && (axisEnd(p) <= 2 * p || axisEnd(p) === 1), `${p}`);
  assert.deepEqual([axisEnd(0), axisEnd(1)], [1, 1]);
  assert.deepEqual([choices(0), choices(1.585), choices(12)], ["1", "3.0", "4,096"]);
});
