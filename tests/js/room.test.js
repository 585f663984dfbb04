// A class in the browser: the newest state, whatever arrived when; the pauses between two tries; colours in the other mode.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { otherWay, recoloured, recolouredStyle } from "../../app/components/room/colours.js";
import { AGAIN, ClassState, pause, read } from "../../app/components/room/state.js";

// As `frame` in app/room/room.py writes it.
function framed(header, fields, packed = false) {
  const entries = Object.entries(fields);
  const parts = entries.filter(([, value]) => value instanceof Uint8Array);
  const rest = Object.fromEntries(entries.filter(([, value]) => !(value instanceof Uint8Array)));
  const text = new TextEncoder().encode(
    JSON.stringify({ ...header, fields: rest, parts: parts.map(([name, value]) => [name, value.length]) }),
  );
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length, true);
  const body = Uint8Array.from([length, text, ...parts.map(([, value]) => value)].flatMap((part) => [...part]));
  return Uint8Array.from([packed ? 1 : 0, ...(packed ? deflateSync(body) : body)]).buffer;
}

test("a frame is read, packed or not, with its bytes", async () => {
  for (const packed of [false, true]) {
    const said = await read(framed({ kind: "state", rev: 2, gone: [] }, { where: "ä", "part:a": Uint8Array.of(0, 255) }, packed));
    assert.equal(said.rev, 2);
    assert.equal(said.fields.where, "ä");
    assert.deepEqual([...said.fields["part:a"]], [0, 255]);
  }
});

test("the newest state stands whatever came before, and says which fields have changed", () => {
  const state = new ClassState();
  const names = state.take({ epoch: "a", rev: 3, whole: true, gone: [], fields: { page: 1, "hand:x": 2 } });
  assert.deepEqual([...names].sort(), ["hand:x", "page"]);
  state.take({ epoch: "a", rev: 4, whole: false, gone: ["hand:x"], fields: { page: 5 } });
  assert.deepEqual([state.get("page"), state.get("hand:x"), state.rev, state.names("hand")], [5, undefined, 4, []]);
  const after = state.take({ epoch: "b", rev: 1, whole: true, gone: [], fields: { where: 1 } });
  assert.deepEqual([...after].sort(), ["page", "where"]);
  assert.deepEqual([state.epoch, state.get("page"), state.get("where")], ["b", undefined, 1]);
});

test("a class comes back within some seconds, and not as one", () => {
  for (let failures = 0; failures < 20; failures++) {
    assert.equal(pause(failures, 0), 500);
    assert.ok(pause(failures, 1) <= 5000);
  }
  assert.ok(pause(9, 1) > pause(0, 1));
  assert.ok(AGAIN.unknown > 0 && AGAIN.full > 0 && AGAIN.ended === 0);
});

test("only what is a colour of the app is exchanged, and comes back as it was", () => {
  const pairs = [
    ["#14768a", "#59c0c6"],
    ["#1d2126", "#e9e6df"],
  ];
  const [dark, light] = [otherWay(pairs, true), otherWay(pairs, false)];
  const text = JSON.stringify({
    header: { color: "#14768a", svg: '<path fill="#1d2126"/>', said: "is #14768a", other: "#123456" },
  });
  const encoded = new TextEncoder().encode(text);
  const bytes = Uint8Array.from([...new Uint8Array(Uint32Array.of(encoded.length).buffer), ...encoded, 1, 2, 3]);
  const changed = recoloured(bytes, dark);
  const { header } = JSON.parse(new TextDecoder().decode(changed.subarray(4, 4 + encoded.length)));
  assert.deepEqual(header, { color: "#59c0c6", svg: '<path fill="#e9e6df"/>', said: "is #14768a", other: "#123456" });
  assert.deepEqual([...changed.subarray(-3)], [1, 2, 3]);
  assert.deepEqual(recoloured(changed, light), bytes);
  assert.equal(recolouredStyle("border-color: #14768A; width: 3px", dark), "border-color: #59c0c6; width: 3px");
});
