// The picture: title, readings, axes, curves, and the line at x. Colours and sizes stand in it, so that it can be a file of its own.
const TITLE = 34, LINE = 23, PLOT = 300, FOOT = 28, LEFT = 34, RIGHT = 16; // pixels

// Draws into `picture`; returns where the plot lies, {left, right, top, bottom}.
function drawCurves(picture, { rows, low, step, title, width, colours, place }, readings, index, factor) {
  const top = TITLE + LINE * (rows.length + 1) + 16;
  const box = { left: LEFT, right: width - RIGHT, top, bottom: top + PLOT };
  const last = rows[0] ? rows[0].values.length - 1 : 1;
  const [floor, ceiling] = reach(rows, factor);
  const across = (i) => box.left + (i / last) * (box.right - box.left);
  const up = (value) => box.bottom - ((value - floor) / (ceiling - floor)) * PLOT;
  picture.replaceChildren(
    svg("text", { x: 2, y: 18, "font-size": 16, "font-weight": 600, fill: colours.ink }, title),
    ...readout(readings, fixed(place.value(), 2), width, colours),
    ...axes(box, { low, step, last, floor, ceiling, across, up, colours, width }),
    clip(box),
    ...rows.flatMap((row) => lines(row, row.scaled ? factor : 1, across, up)),
    svg("line", { x1: across(index), x2: across(index), y1: box.top, y2: box.bottom + 8, stroke: colours.zero, "stroke-width": 1.5 }),
    ...readings.flatMap(({ colour, value, slope }) => [
      mark("diamond", across(index), up(slope), colour, colours.paper),
      mark("circle", across(index), up(value), colour, colours.paper),
    ]),
  );
  picture.style.height = `${box.bottom + FOOT}px`;
  return box;
}

// The values that must be seen. The range stays as it is while the factor moves between two whole numbers.
function reach(rows, factor) {
  const whole = Math.sign(factor) * Math.ceil(Math.abs(factor));
  let [low, high] = [-0.2, 1];
  for (const { values, slopes, scaled } of rows) {
    for (const list of [values, slopes]) {
      for (const value of list) {
        const shown = scaled ? whole * value : value;
        if (shown < low) low = shown;
        if (shown > high) high = shown;
      }
    }
  }
  const room = 0.06 * (high - low);
  return [low - room, high + room];
}

function clip({ left, right, top, bottom }) {
  const path = svg("clipPath", { id: "plot" });
  path.append(svg("rect", { x: left, y: top, width: right - left, height: bottom - top }));
  return path;
}

function lines({ colour, values, slopes }, times, across, up) {
  const path = (list) => Array.from(list, (value, i) => `${i ? "L" : "M"}${across(i).toFixed(1)},${up(times * value).toFixed(1)}`).join("");
  const line = { fill: "none", stroke: colour, "stroke-linejoin": "round", "clip-path": "url(#plot)" };
  return [
    svg("path", { ...line, d: path(slopes), "stroke-width": 1.8, "stroke-dasharray": "2 4" }),
    svg("path", { ...line, d: path(values), "stroke-width": 2.6 }),
  ];
}

function mark(kind, x, y, colour, paper) {
  return kind === "circle"
    ? svg("circle", { cx: x, cy: y, r: 5, fill: colour, stroke: paper, "stroke-width": 1.5 })
    : svg("path", { d: `M${x},${y - 6}l6,6l-6,6l-6,-6Z`, fill: paper, stroke: colour, "stroke-width": 2 });
}

// A line of numbers for each curve; they serve as the legend too.
function readout(readings, place, width, colours) {
  const columns = [Math.min(250, width - 100), Math.min(360, width - 8)];
  const number = (x, y, text) => svg("text", { x, y, "text-anchor": "end", "font-size": 14, fill: colours.ink, style: "font-variant-numeric: tabular-nums" }, text);
  const head = (x, text) => svg("text", { x, y: TITLE + 14, "text-anchor": "end", "font-size": 13, fill: colours.soft }, text);
  const nodes = [
    svg("text", { x: 2, y: TITLE + 14, "font-size": 14, "font-weight": 600, fill: colours.ink }, `x = ${place}`),
    head(columns[0], "value"), head(columns[1], "slope"),
    svg("path", { d: `M${columns[0] - 62},${TITLE + 10}h22`, stroke: colours.soft, "stroke-width": 2.6 }),
    svg("path", { d: `M${columns[1] - 62},${TITLE + 10}h22`, stroke: colours.soft, "stroke-width": 1.8, "stroke-dasharray": "2 4" }),
    mark("circle", columns[0] - 51, TITLE + 10, colours.soft, colours.paper),
    mark("diamond", columns[1] - 51, TITLE + 10, colours.soft, colours.paper),
  ];
  readings.forEach(({ name, colour, value, slope }, i) => {
    const y = TITLE + LINE * (i + 1) + 14;
    nodes.push(svg("text", { x: 2, y, "font-size": 14, "font-weight": 600, fill: colour }, name));
    nodes.push(number(columns[0], y, fixed(value, 3)), number(columns[1], y, fixed(slope, 3)));
  });
  return nodes;
}

function axes(box, { low, step, last, floor, ceiling, across, up, colours, width }) {
  const nodes = [];
  const line = (x1, y1, x2, y2, zero) => nodes.push(svg("line", { x1, y1, x2, y2, stroke: zero ? colours.zero : colours.grid, "stroke-width": 1 }));
  const text = (x, y, anchor, words) => nodes.push(svg("text", { x, y, "text-anchor": anchor, "font-size": 12, fill: colours.soft }, words));
  const apart = ceiling - floor > 7 ? 2 : 1;
  for (let value = Math.ceil(floor / apart) * apart; value <= ceiling; value += apart) {
    line(box.left, up(value), box.right, up(value), value === 0);
    text(box.left - 8, up(value) + 4, "end", fixed(value, 0));
  }
  const every = width < 420 ? 2 : 1;
  for (let value = Math.ceil(low); value <= low + step * last + 1e-9; value += every) {
    const x = across((value - low) / step);
    line(x, box.top, x, box.bottom, value === 0);
    text(x, box.bottom + 22, "middle", fixed(value, 0));
  }
  return nodes;
}
