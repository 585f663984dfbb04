// The path of an arc from the token in focus to one before it; each is { x, top, bottom } of its chip.
export function curve(from, to) {
  const point = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  if (to.bottom < from.top - 4) {
    const middle = (from.top + to.bottom) / 2; // in lines above: straight down from the one, straight up from the other
    return `M${point(from.x, from.top)}C${point(from.x, middle)} ${point(to.x, middle)} ${point(to.x, to.bottom)}`;
  }
  const low = from.bottom + 12 + Math.min(26, Math.abs(from.x - to.x) / 9); // in one line: below it, where no weights stand
  return `M${point(from.x, from.bottom)}C${point(from.x, low)} ${point(to.x, low)} ${point(to.x, to.bottom)}`;
}
