// The other half of app/components/__init__.py:pack. Returns {header, arrays: {name: {data: TypedArray, shape}}}.
export function unpack(bytes) {
  const whole = bytes.slice(); // what arrives is a view that is not 4-byte aligned
  const length = new DataView(whole.buffer).getUint32(0, true);
  const { header, arrays } = JSON.parse(new TextDecoder().decode(whole.subarray(4, 4 + length)));
  const kinds = { float32: Float32Array, int32: Int32Array, uint16: Uint16Array, uint8: Uint8Array };
  const out = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(arrays)) {
    const size = shape.reduce((a, b) => a * b, 1);
    out[name] = { data: new kinds[dtype](whole.buffer, 4 + length + offset, size), shape };
  }
  return { header, arrays: out };
}

// What zlib has deflated.
export async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The other half of app/components/__init__.py:in_planes: the float32 values, to the last bit.
export async function fromPlanes(deflated) {
  const planes = await inflated(deflated);
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0, from = 0; plane < 4; plane++)
    for (let to = 3 - plane; to < bytes.length; to += 4) bytes[to] = planes[from++];
  return new Float32Array(bytes.buffer);
}

// What is sent once and read by several components (app/components/vocabulary): name -> {value, ...arrays}, and an event of that name.
export const shelf = Object.assign(new EventTarget(), { values: new Map() });

// The visible text of a token: from the model's vocabulary, or its id until that has arrived.
export function tokenText(model, id) {
  const vocabulary = shelf.values.get(`vocabulary:${model}`);
  if (!vocabulary) return `token ${id}`;
  vocabulary.texts ??= new TextDecoder().decode(vocabulary.text.data).split("\n");
  return vocabulary.texts[id] ?? `token ${id}`;
}
