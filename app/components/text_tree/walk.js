// Which block of a tree an arrow key leads to. blocks: {depth, lane, parentLane}; a text's lane may begin on another's.

// The blocks of one text from its beginning, its own and those that it shares with the lanes it comes from.
export function textOf(blocks, lane) {
  const found = [];
  let at = blocks
    .filter((block) => block.lane === lane)
    .reduce((last, block) => (block.depth > (last?.depth ?? -1) ? block : last), null);
  while (at) {
    found.unshift(at);
    at = before(blocks, at);
  }
  return found;
}

export function before(blocks, block) {
  return blocks.find((each) => each.depth === block.depth - 1 && each.lane === block.parentLane);
}

// The block that `key` leads to from `from`, or `from` itself where there is none.
export function walk(blocks, from, key) {
  const after = blocks.filter((each) => each.depth === from.depth + 1 && each.parentLane === from.lane);
  if (key === "ArrowRight") return after.find((each) => each.lane === from.lane) ?? after[0] ?? from;
  if (key === "ArrowLeft") return before(blocks, from) ?? from;
  if (key === "Home") return textOf(blocks, from.lane)[0];
  if (key === "End") return textOf(blocks, from.lane).at(-1);
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  const lanes = [...new Set(blocks.map((each) => each.lane))].sort((a, b) => a - b);
  const lane = lanes[lanes.indexOf(from.lane) + step];
  if (step === undefined || lane === undefined) return from;
  const own = blocks.filter((each) => each.lane === lane);
  return own.reduce((best, each) => (Math.abs(each.depth - from.depth) < Math.abs(best.depth - from.depth) ? each : best));
}
