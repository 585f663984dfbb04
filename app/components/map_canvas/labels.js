// The tokens beside the rows of a map and above its columns.

export function labelFont(colours, bold) {
  return `${bold ? "600 " : ""}12px ${colours.mono}`;
}

// A label in a sentence, with its position where that is asked for; where the labels are the positions themselves it is not said twice.
export function named(tokens, i, withPosition) {
  return [["code", tokens[i]], withPosition && tokens[i] !== String(i) ? ` (${i})` : ""];
}

// Draws what stands at (x, y) as if the page were turned a quarter to the left.
export function turned(context, x, y, draw) {
  context.save();
  context.translate(x, y);
  context.rotate(-Math.PI / 2);
  draw();
  context.restore();
}

// Thinned where they are crowded, the lit ones always.
export function paintLabels(context, { grid, header, colours }, litRows = [], litCols = []) {
  const { rows, cols, left, top, cellWidth, cellHeight } = grid;
  const { row_tokens, col_tokens } = header;
  const write = (token, x, y, room, align, lit) => {
    context.font = labelFont(colours, lit);
    context.fillStyle = lit ? colours.ink : colours.soft;
    context.textAlign = align;
    context.textBaseline = "middle";
    context.fillText(fitted(context, token, room), x, y);
  };
  each(rows, cellHeight, litRows, (row, lit) =>
    write(row_tokens[row], left - 6, top + (row + 0.5) * cellHeight, left - 26, "right", lit),
  );
  each(cols, cellWidth, litCols, (col, lit) =>
    turned(context, left + (col + 0.5) * cellWidth, top - 5, () => write(col_tokens[col], 0, 0, top - 22, "left", lit)),
  );
}

function each(count, size, lit, draw) {
  const room = 14 / size; // cells that one line of text takes
  for (let i = 0; i < count; i += Math.ceil(room)) if (!lit.some((other) => Math.abs(other - i) < room)) draw(i, false);
  for (const i of new Set(lit)) if (i < count) draw(i, true);
}

function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > width) length -= 1;
  return `${text.slice(0, length)}…`;
}
