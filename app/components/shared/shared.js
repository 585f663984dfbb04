// The other half of app/components/__init__.py:pack. Returns {header, arrays: {name: {data: TypedArray, shape}}}.
function unpack(bytes) {
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

// Probabilities: one decimal of a percent, down to "< 0.1 %". Values: three significant digits.
function percent(p) {
  return p > 0 && p < 0.001 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`;
}
function significant(x) {
  return Number.isFinite(x) ? (x === 0 ? "0" : Number(x.toPrecision(3)).toString().replace("-", "−")) : "–";
}
