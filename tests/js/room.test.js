// A class in the browser: the newest state, whatever arrived when; the pauses between two tries; colours in the other mode.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { otherWay, recoloured, recolouredStyle } from "../../app/components/room/colours.js";
import { placeOn } from "../../app/components/room/pointer.js";
import { afterState } from "../../app/components/room/reopening.js";
import { sentences } from "../../app/components/room/result.js";
import { ClassSocket } from "../../app/components/room/socket.js";
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

test("what came of a vote is a sentence, also where nobody voted and the model has no say", () => {
  const result = (votes, voted, model) => ({
    rows: [{ text: "Yes", votes: [votes], model, right: true }],
    ...{ voted: [voted], others: [0], model_bits: null, class_bits: [null], chosen: "" },
  });
  assert.deepEqual(sentences(result(0, 0, null)), ["Right is: Yes.", "Nobody voted."]);
  assert.deepEqual(sentences(result(1, 2, null)), ["Right is: Yes.", "The class gave it 50.0 % of 2 votes."]);
  assert.deepEqual(sentences(result(1, 1, 0.25)).at(-1), "The class gave it 100.0 % of 1 vote, the model gives it 25.0 %.");
});

test("an open question is asked again in another life of the class, once its page is there, and never otherwise", () => {
  const again = { kind: "guess" };
  const state = (epoch, fields) => ({ epoch, get: (name) => fields[name] });
  const open = afterState(null, state("a", { question: { status: "open" }, again }));
  assert.deepEqual(open, { keep: { epoch: "a", again }, ask: null });
  const kept = open.keep;
  assert.deepEqual(afterState(kept, state("a", { question: { status: "closed" } })), { keep: null, ask: null });
  assert.deepEqual(afterState(kept, state("a", {})), { keep: null, ask: null }); // it was ended
  assert.deepEqual(afterState(kept, state("b", {})), { keep: kept, ask: null }); // the page is not there yet
  assert.deepEqual(afterState(kept, state("b", { where: {} })), { keep: null, ask: again });
  assert.deepEqual(afterState(null, state("b", { where: {} })), { keep: null, ask: null });
});

test("the pointer is at the same place of the first panel that a page has, whatever its size", () => {
  const boxes = { figure: { left: 100, top: 50, width: 200, height: 400 } };
  const find = (name) => boxes[name] ?? null;
  const panels = [
    ["inner", 0.1, 0.1],
    ["figure", 0.25, 0.5],
  ];
  assert.deepEqual(placeOn(panels, find), [150, 250]);
  assert.equal(placeOn([["inner", 0.1, 0.1]], find), null);
});

test("a page that slept while the class went on asks when it is seen again, and shows what is shown now", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const listeners = {};
  const sockets = [];
  class Sleeper {
    static OPEN = 1;
    constructor() {
      this.sent = [];
      sockets.push(this);
    }
    open() {
      this.readyState = Sleeper.OPEN;
      this.onopen();
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
    close() {
      this.readyState = 3;
    }
  }
  const listen = (name, heard) => (listeners[name] = heard);
  const world = {
    WebSocket: Sleeper,
    document: { visibilityState: "visible", addEventListener: listen, removeEventListener() {} },
    addEventListener: listen,
    removeEventListener() {},
    sessionStorage: { getItem: () => "tab", setItem() {} },
  };
  const before = Object.fromEntries(Object.keys(world).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));
  for (const [name, value] of Object.entries(world)) Object.defineProperty(globalThis, name, { value, configurable: true });
  t.after(() => {
    for (const [name, old] of Object.entries(before)) {
      if (old) Object.defineProperty(globalThis, name, old);
      else delete globalThis[name];
    }
  });
  const seen = [];
  const here = new ClassSocket({
    root: "http://school/",
    code: "ABC234",
    role: "follow",
    changed: () => seen.push(here.state.get("where")),
  });
  const says = async (socket, rev, whole, where) => {
    socket.onmessage({ data: framed({ kind: "state", epoch: "a", rev, whole, gone: [] }, { where }) });
    await here.reading;
  };
  sockets[0].open();
  await says(sockets[0], 1, true, "before");
  // The screen is locked: the connection dies without a word, and the teacher goes on.
  document.visibilityState = "hidden";
  listeners.visibilitychange();
  assert.equal(sockets[0].sent.length, 1); // who is not looked at asks nothing
  document.visibilityState = "visible";
  listeners.visibilitychange();
  assert.equal(sockets[0].sent.at(-1).say, "here");
  t.mock.timers.tick(4_000); // no answer
  t.mock.timers.tick(5_000); // the pause before the next try
  assert.equal(sockets.length, 2);
  sockets[1].open();
  assert.deepEqual([sockets[1].sent[0].epoch, sockets[1].sent[0].rev], ["a", 1]); // what it knows
  await says(sockets[1], 7, false, "now");
  assert.deepEqual(seen, ["before", "now"]);
  // And where the connection has lived on, the answer comes and nothing is opened anew.
  listeners.visibilitychange();
  sockets[1].onmessage({ data: JSON.stringify({ kind: "here" }) });
  t.mock.timers.tick(9_000);
  assert.equal(sockets.length, 2);
  here.close();
});
