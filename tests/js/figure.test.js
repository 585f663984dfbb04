// Axes and texts of a figure, with a ruler on which every sign is half as wide as it is high.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Axis, lowerTicks, sideTicks } from "../../app/components/figure/axes.js";
import { filled, fitted, lines, plain, ruler, widthOf, wrapped, written } from "../../app/components/figure/text.js";

ruler.context = {
  measureText(text) {
    return { width: (text.length * Number(/(\d+)px/.exec(this.font)[1])) / 2 };
  },
};

function axis(letter, spec, values, to = 400) {
  const trace = { type: "scatter", mode: "lines", x: values, y: values };
  const made = new Axis(letter, { [`${letter}axis`]: spec }, [trace]);
  made.span(0, to);
  return made;
}

test("an axis shows all values, and the ends of its range stand at the ends of its pixels", () => {
  const x = axis("x", {}, [-2, 3, null, 8]);
  assert.ok(x.low <= -2 && x.high >= 8);
  assert.deepEqual([x.place(x.low), x.place(x.high)], [0, 400]);
  assert.deepEqual(axis("x", { range: [0, 1] }, [5]).range([]), [0, 1]);
  assert.ok(Number.isFinite(axis("y", {}, []).place(0.5)) && Number.isFinite(axis("y", {}, [3, 3]).place(3)));
});

test("ticks are round, inside the range, in order and as many as fit", () => {
  for (const high of [0.00031, 0.7, 9, 1234, 8e6]) {
    const ticks = lowerTicks(axis("x", { range: [0, high] }, [0, high]), 12).ticks;
    const values = ticks.map(({ value }) => value);
    assert.ok(
      values.length >= 2 && values.length <= 10 && values.every((value) => value >= 0 && value <= high * (1 + 1e-6)),
      `${high}`,
    );
    assert.deepEqual(
      values,
      [...values].sort((a, b) => a - b),
    );
    assert.equal(new Set(ticks.map(({ text }) => text)).size, ticks.length);
  }
});

test("on a logarithmic axis equal factors are equally far apart", () => {
  const y = axis("y", { type: "log" }, [1, 10, 1000]);
  assert.ok(Math.abs(y.place(10) - y.place(1) - (y.place(100) - y.place(10))) < 1e-9);
  assert.ok(sideTicks(y, 12).every(({ value }) => Number.isInteger(Math.log10(value))));
});

test("names that do not fit side by side are turned, and every second one goes before they touch", () => {
  const names = Array.from({ length: 40 }, (_, i) => `token ${i}`);
  const spec = { tickvals: names.map((_, i) => i), ticktext: names, range: [-0.5, 39.5] };
  assert.equal(lowerTicks(axis("x", spec, [0, 39], 4000), 12).turn, 0);
  const narrow = lowerTicks(axis("x", spec, [0, 39], 300), 12);
  assert.equal(narrow.turn, 90);
  assert.ok(narrow.ticks.length < 40 && narrow.ticks[0].text === "token 0");
});

test("markup is read as lines and kinds, and what was escaped is text again", () => {
  assert.deepEqual(lines('<b>a &lt;b&gt;</b><br>c<span style="x">d</span>'), [
    [["a <b>", "b"]],
    [
      ["c", ""],
      ["d", "small"],
    ],
  ]);
  assert.equal(plain("&#36;x&#36; &amp; y<br>z"), "$x$ & y z");
  assert.equal(plain(undefined), "");
});

test("a text is cut or broken where it is too wide", () => {
  assert.equal(widthOf("abcd", 12), 24);
  assert.equal(fitted("abcdefgh", 12, 30), "abcd…");
  assert.equal(fitted("abc", 12, 30), "abc");
  assert.deepEqual(wrapped("one two three", 12, 400, 45), ["one two", "three"]);
});

test("a number at a tick has the decimals that its step needs", () => {
  assert.deepEqual([written(0.25, 0.05), written(-1, 0.5), written(0, 0.1), written(1e-18, 0.1)], ["0.25", "−1.0", "0", "0"]);
  assert.deepEqual([written(12345), written(2.5e6), written(0.3, 0.1, "~%")], ["12,345", "2.5M", "30%"]);
});

test("a hover says the values of its point", () => {
  const trace = { x: [1, 2], y: [0.5, 0.12345], customdata: [["a"], ["b"]] };
  assert.equal(filled("%{customdata[0]}: %{y:.3f} at %{x}<extra></extra>", trace, [1], {}), "b: 0.123 at 2");
});
