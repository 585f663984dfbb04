// The twin of gptcore/sampling.py: one pure function from sorted logits, settings and u to the choice, over the whole vocabulary.
// Candidates are in order of probability, so every stage keeps a beginning of them and a count says all about it.

const SLACK = 1 - 1e-12; // as there: forgives the rounding of a sum that reaches a threshold on paper

// logits: Float32Array by token id -> {ids, logits} in the order of candidates: the larger logit first, of equal ones the smaller id.
// Whole numbers below 2^53 sort fast and without a function: the bits of a logit, turned so that they rise as it falls, then the id.
export function inOrder(logits) {
  const bits = new Uint32Array(logits.map((logit) => logit + 0).buffer); // -0 + 0 is 0, which it equals
  const keys = new Float64Array(logits.length);
  for (let id = 0; id < keys.length; id++) {
    const falling = bits[id] >>> 31 ? bits[id] : ~bits[id] & 0x7fffffff;
    keys[id] = falling * 2 ** 21 + id;
  }
  const ids = Uint32Array.from(keys.sort(), (key) => key % 2 ** 21);
  return { ids, logits: Float32Array.from(ids, (id) => logits[id]) };
}

// logits: Float32Array, best first; settings: {temperature, top_k (null: all), top_p, min_p}; u: in [0, 1).
// weights: softmax before its division, the best has 1; mass: their running sum; kept: how many candidates are left after each
// stage; [low, high): the chosen candidate's part of the strip; entropies in bits.
export function select(logits, settings, u) {
  const { weights, mass, entropy } = temper(logits, settings.temperature);
  const first = settings.temperature === 0 ? 1 : logits.length;
  const topK = Math.min(first, settings.top_k ?? first);
  const topP = settings.top_p === 1 ? topK : firstWhere(topK - 1, (i) => mass[i] >= settings.top_p * mass[topK - 1] * SLACK) + 1;
  const minP = firstWhere(topP, (i) => weights[i] < settings.min_p * SLACK);
  const total = mass[minP - 1];
  const rank = firstWhere(minP - 1, (i) => mass[i] / total > u);
  return {
    weights,
    mass,
    kept: { temperature: first, top_k: topK, top_p: topP, min_p: minP },
    n: minP,
    rank,
    low: rank ? mass[rank - 1] / total : 0,
    high: mass[rank] / total,
    entropy,
    finalEntropy: minP === logits.length ? entropy : entropyOf(weights, minP, total),
  };
}

function temper(logits, temperature) {
  const size = logits.length;
  const weights = new Float64Array(size);
  const mass = new Float64Array(size);
  let total = 0;
  let weighted = 0; // sum of weight times its logarithm, which is at hand before the exponential is taken
  for (let i = 0; i < size; i++) {
    const x = temperature === 0 ? (i === 0 ? 0 : -Infinity) : (logits[i] - logits[0]) / temperature;
    const weight = Math.exp(x);
    weights[i] = weight;
    mass[i] = total += weight;
    if (weight > 0) weighted += weight * x;
  }
  return { weights, mass, entropy: Math.max(0, Math.log2(total) - weighted / total / Math.LN2) };
}

// The first index up to `last` for which the test holds; it is false up to some index and true from there on, or at `last`.
export function firstWhere(last, test) {
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function entropyOf(weights, n, total) {
  let weighted = 0;
  for (let i = 0; i < n && weights[i] > 0; i++) weighted += weights[i] * Math.log2(weights[i]);
  return Math.max(0, Math.log2(total) - weighted / total);
}

export function sumOf(weights, from, to) {
  let sum = 0;
  for (let i = from; i < to; i++) sum += weights[i];
  return sum;
}
