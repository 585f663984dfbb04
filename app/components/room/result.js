// What a class voted beside what the model thinks, as bars on one axis: see `Poll.results` in app/room/questions.py.
import { make } from "../shared/elements.js";
import { count, percent, significant } from "../shared/numbers.js";

// What it comes to, in words: for eyes and for ears.
export function sentences({ rows, voted, model_bits, class_bits, chosen }) {
  const right = rows.find((row) => row.right);
  const last = voted.length - 1;
  const said = [];
  if (chosen) said.push(`The model writes ${chosen}.`);
  else if (right) said.push(`Right is: ${right.text}.`);
  if (right) {
    const share = voted[last]
      ? `the class gave it ${percent(right.votes[last] / voted[last])} of ${count(voted[last])} ${voted[last] === 1 ? "vote" : "votes"}`
      : "nobody voted";
    const model = right.model === null ? "" : `, the model gives it ${percent(right.model)}`;
    const what = chosen && right.text !== chosen.replace(/^␣/, "") && right.text !== chosen ? `“${right.text}”: ` : "";
    said.push(`${what}${share}${model}.`.replace(/^./, (first) => first.toUpperCase()));
  }
  if (model_bits !== null && class_bits[last]) {
    said.push(`Surprise: class ${bits(class_bits[last])}, model ${bits([model_bits, false])}.`);
    if (last && class_bits[0]) said.push(`In the first round: class ${bits(class_bits[0])}.`);
  }
  return said;
}

function bits([number, isMore]) {
  return `${isMore ? "more than " : ""}${significant(number)} ${number === 1 && !isMore ? "bit" : "bits"}`;
}

// question: as the state has it, revealed.
export function drawResult(place, { results }) {
  const { rows, voted, others } = results;
  const hasModel = rows.some((row) => row.model !== null);
  const names = voted.length > 1 ? ["Class, first round", "Class, second round"] : ["Class"];
  const legend = make("p", "ask-legend");
  const key = (kind, text) => legend.appendChild(make("span", "", text)).prepend(make("span", `ask-key ${kind}`));
  names.forEach((name, i) => key(kindOf(i, voted.length), `${name} (${count(voted[i])})`));
  if (hasModel) key("model", "Model");
  const table = make("table", "ask-bars");
  table.setAttribute("aria-label", "The class's votes and the model's probabilities");
  const head = table.appendChild(make("thead", "for-ears")).appendChild(make("tr"));
  for (const name of ["Answer", ...names, ...(hasModel ? ["Model"] : [])]) head.append(make("th", "", name));
  const body = table.appendChild(make("tbody"));
  for (const row of rows) {
    const line = body.appendChild(make("tr", row.right ? "right" : ""));
    const name = line.appendChild(make("th", "", row.text));
    name.scope = "row";
    if (row.right) name.append(make("em", "", results.chosen ? "the model's choice" : "right"));
    const cells = line.appendChild(make("td"));
    row.votes.forEach((votes, i) => bar(cells, voted[i] ? votes / voted[i] : 0, kindOf(i, voted.length)));
    if (row.model !== null) bar(cells, row.model, "model");
  }
  const words = sentences(results).map((said) => make("p", "ask-said", said));
  const hidden = others.at(-1);
  if (hidden)
    words.push(make("p", "ask-note", `${count(hidden)} ${hidden === 1 ? "vote" : "votes"} for tokens that are not shown.`));
  place.replaceChildren(legend, table, ...words);
}

function kindOf(round, rounds) {
  return round < rounds - 1 ? "before" : "class";
}

function bar(place, share, kind) {
  const line = place.appendChild(make("div", `ask-bar ${kind}`));
  line.appendChild(make("i")).style.setProperty("--p", share);
  line.append(make("span", "", percent(share)));
}
