// The newest state of a class in the browser, put together from the frames that app/room/room.py makes (`frame`).
import { inflated } from "../shared/shelf.js";

// A frame -> {kind, epoch, rev, whole, gone, fields: {name: value}}, the values that are bytes among the others.
export async function read(buffer) {
  const bytes = new Uint8Array(buffer);
  const body = bytes[0] ? await inflated(bytes.subarray(1)) : bytes.subarray(1);
  const length = new DataView(body.buffer, body.byteOffset).getUint32(0, true);
  const said = JSON.parse(new TextDecoder().decode(body.subarray(4, 4 + length)));
  let from = 4 + length;
  for (const [name, size] of said.parts) {
    said.fields[name] = body.slice(from, from + size);
    from += size;
  }
  return said;
}

export class ClassState {
  constructor() {
    this.epoch = "";
    this.rev = 0;
    this.fields = new Map();
  }

  // Take a frame; returns the names of the fields that have changed or are gone.
  take({ epoch, rev, whole, gone, fields }) {
    const names = new Set([...gone, ...Object.keys(fields)]);
    if (whole) {
      for (const name of this.fields.keys()) names.add(name);
      this.fields.clear();
    }
    for (const name of gone) this.fields.delete(name);
    for (const [name, value] of Object.entries(fields)) this.fields.set(name, value);
    this.epoch = epoch;
    this.rev = rev;
    return names;
  }

  get(name) {
    return this.fields.get(name);
  }

  // The names of all fields of a kind: `kind:` and what comes after it.
  names(kind) {
    return [...this.fields.keys()].filter((name) => name.startsWith(`${kind}:`));
  }
}

// Milliseconds to wait before the next try: longer with every failure, and at random, so that a class does not come back as one.
export function pause(failures, random) {
  return (0.5 + random * Math.min(4.5, 0.5 * 2 ** failures)) * 1000;
}

// How long to wait after a refusal, in seconds, before it makes sense to ask again; 0: never.
export const AGAIN = { unknown: 2, full: 10, rooms: 30, often: 2, ended: 0, rights: 0, junk: 0 };
