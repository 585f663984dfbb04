// What Python packs is unpacked, and what one component leaves on the shelf another finds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { percent, significant } from "../../app/components/shared/numbers.js";
import { fromPlanes, shelf, tokenText, unpack } from "../../app/components/shared/shelf.js";

// As app/components/__init__.py writes it.
function packed(header, arrays) {
  const table = {};
  const parts = [];
  let offset = 0;
  for (const [name, [dtype, data]] of Object.entries(arrays)) {
    table[name] = { dtype, shape: [data.length], offset };
    const raw = new Uint8Array(data.buffer.byteLength + ((8 - (data.buffer.byteLength % 8)) % 8));
    raw.set(new Uint8Array(data.buffer));
    parts.push(raw);
    offset += raw.length;
  }
  let text = new TextEncoder().encode(JSON.stringify({ header, arrays: table }));
  const padding = (8 - ((4 + text.length) % 8)) % 8;
  text = Uint8Array.from([...text, ...Array(padding).fill(32)]);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length, true);
  return Uint8Array.from([length, text, ...parts].flatMap((part) => [...part]));
}

test("header and arrays come out as they went in, also from bytes that begin at an odd place", () => {
  const bytes = packed({ a: "ä" }, { x: ["float32", Float32Array.of(1.5, -2)], n: ["uint16", Uint16Array.of(7)] });
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  for (const view of [bytes, shifted.subarray(3)]) {
    const { header, arrays } = unpack(view);
    assert.deepEqual(header, { a: "ä" });
    assert.deepEqual([[...arrays.x.data], [...arrays.n.data], arrays.n.shape], [[1.5, -2], [7], [1]]);
  }
});

test("float32 values come out of their planes to the last bit", async () => {
  const values = Float32Array.of(1.1, -2e-38, 0, -0, 3.4e38, 1 / 3);
  const bytes = new Uint8Array(values.buffer);
  const planes = [3, 2, 1, 0].flatMap((byte) => [...values].map((_, i) => bytes[4 * i + byte]));
  const found = await fromPlanes(deflateSync(Uint8Array.from(planes)));
  assert.deepEqual(new Uint8Array(found.buffer), bytes);
});

test("a token is its id until the vocabulary is there", () => {
  assert.equal(tokenText("m", 1), "token 1");
  shelf.values.set("vocabulary:m", { text: { data: new TextEncoder().encode("a\nb") } });
  assert.deepEqual([tokenText("m", 1), tokenText("m", 9)], ["b", "token 9"]);
});

test("probabilities and values are written for people", () => {
  assert.deepEqual([percent(0), percent(0.0001), percent(0.4312), percent(1)], ["0.0 %", "< 0.1 %", "43.1 %", "100.0 %"]);
  assert.deepEqual(
    [significant(0), significant(-0.0012345), significant(12345.678), significant(Number.NaN)],
    ["0", "−0.00123", "12,346", "–"],
  );
});
