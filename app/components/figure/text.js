// Text of a figure: escaped by app/charts/labels.py as entities, with <b>, <br> and the <span> of a subtitle as its only markup.
import { fixed, significant } from "../shared/numbers.js";

const SIGNS = { amp: "&", lt: "<", gt: ">" };
const MARKUP = /(<\/?b>|<br>|<span style="[^"<>]*">|<\/span>)/;

function decoded(text) {
  return text.replace(/&(?:#(\d+)|(amp|lt|gt));/g, (_, code, name) => (code ? String.fromCodePoint(code) : SIGNS[name]));
}

// As lines of [text, kind]; kind is "", "b" or "small".
export function lines(markup) {
  const all = [[]];
  let kind = "";
  for (const part of String(markup ?? "").split(MARKUP)) {
    if (part === "<br>") all.push([]);
    else if (MARKUP.test(part)) kind = { "<b>": "b" }[part] ?? (part.startsWith("<span") ? "small" : "");
    else if (part) all.at(-1).push([decoded(part), kind]);
  }
  return all;
}

export function plain(markup) {
  return lines(markup)
    .map((line) => line.map(([text]) => text).join(""))
    .join(" ")
    .trim();
}

// What texts are measured with. context: a canvas's, made when the first text is measured.
export const ruler = { family: "sans-serif", context: null };

export function widthOf(text, size, weight = 400) {
  ruler.context ??= document.createElement("canvas").getContext("2d");
  ruler.context.font = `${weight} ${size}px ${ruler.family}`;
  return ruler.context.measureText(text).width;
}

// Cut off with an ellipsis where it is too wide.
export function fitted(text, size, room) {
  let kept = text;
  while (kept.length > 1 && widthOf(kept, size) > room) kept = `${kept.replace(/…$/, "").slice(0, -1)}…`;
  return kept;
}

// Words in lines no wider than `room`.
export function wrapped(text, size, weight, room) {
  const all = [""];
  for (const word of text.split(" ")) {
    const longer = `${all.at(-1)} ${word}`.trim();
    if (all.at(-1) && widthOf(longer, size, weight) > room) all.push(word);
    else all[all.length - 1] = longer;
  }
  return all;
}

// A number at a tick: as many decimals as the step between ticks needs.
export function written(value, step = 0, format = "") {
  if (format === "~%") return `${written(100 * value, 100 * step)}%`;
  const size = Math.abs(value);
  if (size < 1e-9 * step || !size) return "0";
  for (const [unit, sign] of [
    [1e12, "T"],
    [1e9, "B"],
    [1e6, "M"],
  ]) {
    if (size >= unit) return signed(`${Number((value / unit).toPrecision(4))}${sign}`);
  }
  if (size < 1e-4) return signed(Number(value.toPrecision(3)).toExponential().replace("e+", "e"));
  const decimals = step ? Math.max(0, Math.min(12, Math.ceil(-Math.log10(step) - 1e-6))) : 6;
  const [whole, part] = (step ? value.toFixed(decimals) : String(Number(value.toFixed(decimals)))).split(".");
  return signed(whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : ""));
}

function signed(text) {
  return Number(text.replaceAll(",", "")) === 0 ? text.replace("-", "") : text.replaceAll("-", "−");
}

// A hover template with the values of one point put in; of the formats only those that figures use.
export function filled(template, trace, index, axes) {
  const numbers = { x: index.at(-1), y: index[0] }; // of a cell of a map
  return template.replace("<extra></extra>", "").replace(/%\{(\w+)((?:\[\d+\])*)(?::([^}]*))?\}/g, (_, name, path, format) => {
    let value = index.reduce((list, i) => (Array.isArray(list) ? list[i] : list), trace[name] ?? numbers[name]);
    const named = axes[name]?.tickvals?.indexOf(value) ?? -1;
    if (named >= 0 && !format) return axes[name].ticktext[named];
    for (const [, i] of path.matchAll(/\[(\d+)\]/g)) value = value?.[i];
    return typeof value === "number" ? formatted(value, format) : (value ?? "");
  });
}

function formatted(value, format = "") {
  if (format === ".3~r") return significant(value);
  const [, decimals, short] = /^\.(\d)(~?)f$/.exec(format) ?? [];
  if (decimals === undefined) return written(value, 0, format);
  return short ? signed(String(Number(value.toFixed(decimals)))) : fixed(value, Number(decimals));
}
