// The table itself, what its cells say, and the bar below that explains the colours.

import { inkOn, make, saveButton } from "../shared/elements.js";
import { count, percent, significant } from "../shared/numbers.js";

function measured({ measure, top }, cells, row, column) {
  const i = row * cells.target.shape[0] + column;
  const value = {
    probability: () => cells.probs.data[i * cells.probs.shape[2]],
    entropy: () => cells.entropy.data[i],
    divergence: () => cells.divergence.data[i],
    rank: () => Math.log10(cells.rank.data[i]),
  }[measure]();
  return Math.max(0, Math.min(1, value / top));
}

// Colours stand at the square root of the share, as on every map: a reader must tell 1 % from 5 %. Returns [red, green, blue].
function colourAt(share, stops) {
  const at = Math.sqrt(share) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(at));
  const [before, after] = [stops[i], stops[i + 1]].map((stop) => [1, 3, 5].map((k) => parseInt(stop.slice(k, k + 2), 16)));
  return before.map((low, k) => Math.round(low + (at - i) * (after[k] - low)));
}

export function table(header, cells) {
  const { rows, tokens, positions, stops } = header;
  const out = make("table");
  out.style.setProperty("--columns", tokens.length);
  const head = out.appendChild(make("thead")).appendChild(make("tr"));
  head.append(make("th", "corner", "read after"));
  tokens.forEach((token, column) => {
    const name = head.appendChild(make("th"));
    name.scope = "col";
    name.append(make("span", "", token), make("small", "", positions[column]));
  });
  const body = out.appendChild(make("tbody"));
  rows.forEach((row, depth) => {
    const line = body.appendChild(make("tr"));
    line.appendChild(make("th", "", row)).scope = "row";
    tokens.forEach((_, column) => {
      const box = line.appendChild(make("td"));
      if (cells.target.data[column] < 0) return; // still being computed
      const colour = colourAt(measured(header, cells, depth, column), stops);
      const button = box.appendChild(make("button", "", best(cells, depth, column)));
      button.type = "button";
      button.dataset.cell = `${depth},${column}`;
      button.setAttribute("aria-label", facts(header, cells, depth, column).spoken);
      button.style.background = `rgb(${colour})`;
      button.style.color = inkOn(colour);
      if (cells.settled.data[column] === depth) box.classList.add("settled");
    });
  });
  return out;
}

function best(cells, row, column) {
  const [, columns, many] = cells.ids.shape;
  return cells.texts[cells.ids.data[(row * columns + column) * many]];
}

// What a cell says where it is pointed at.
export function facts({ rows, tokens, positions }, cells, row, column) {
  const [, columns, many] = cells.ids.shape;
  const i = row * columns + column;
  const likeliest = Array.from({ length: many }, (_, k) => [
    cells.texts[cells.ids.data[i * many + k]],
    cells.probs.data[i * many + k],
  ]);
  const where = `${rows[row]}, after ${tokens[column]} (position ${positions[column]})`;
  return {
    where,
    likeliest,
    measures: [
      `entropy ${significant(cells.entropy.data[i])} bits, divergence ${significant(cells.divergence.data[i])} bits`,
      `rank of ${cells.texts[cells.target.data[column]]}, the final prediction: ${count(cells.rank.data[i])}`,
    ],
    spoken: `${where}: ${likeliest[0][0]}, ${percent(likeliest[0][1])}`,
  };
}

export function legend({ value_title, ticks, stops }, save) {
  const bar = make("div", "bar");
  const places = stops.map((stop, i) => `${stop} ${(100 * (i / (stops.length - 1)) ** 2).toFixed(1)}%`);
  bar.appendChild(make("i")).style.background = `linear-gradient(90deg, ${places.join(", ")})`;
  for (const [share, text] of ticks) bar.appendChild(make("span", "", text)).style.left = `${100 * share}%`;
  const line = make("div", "settles");
  line.append(make("i"), make("span", "", "from here down the top prediction is final"));
  const button = saveButton("PNG");
  button.onclick = save;
  const scale = make("div", "scale");
  scale.append(make("div", "", value_title), bar);
  return [scale, line, button];
}
