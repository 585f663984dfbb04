// The losses of a training as a figure in plotly's terms, as app/charts makes figures: two lines over the steps, what guessers without a
// network reach, and a mark where one looks.
import { count, fixed } from "../shared/numbers.js";

const PLOT = 262,
  TOP = 38,
  AXIS = 52; // pixels
const TICKS = [0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000];

// Steps are spaced by ratio, with room for step 0.
export const placeOf = (step) => Math.log10(step + 1);

// Where the loss on held-out text was lowest, once it has turned: the index, or -1. least: how far it must have risen since.
export function turn(heldOut, least = 0.05) {
  const lowest = heldOut.indexOf(Math.min(...heldOut));
  return heldOut.length && heldOut.at(-1) > heldOut[lowest] + least ? lowest : -1;
}

// run: {steps, training, held_out, baselines: [[name, loss]], others: [{name, steps, held_out}]}; at: index of the checkpoint in view;
// said: {title, alt, name, colours: {training, held_out, other, ink, soft, line, paper}}.
export function lossFigure(run, at, said) {
  const { colours } = said;
  const places = run.steps.map(placeOf);
  const end = Math.max(run.end ?? 0, 1, ...run.steps, ...run.others.flatMap(({ steps }) => steps));
  const right = placeOf(end);
  const turned = turn(run.held_out);
  const top = Math.max(...run.baselines.map(([, loss]) => loss), ...run.held_out, 0.1) * 1.07;
  return {
    name: said.name,
    data: [
      ...run.others.map((other) => ({
        ...line(other.name, other.steps.map(placeOf), other.held_out, { color: colours.other, width: 1.6, dash: "dot" }),
        ...hover(other.name, other.steps, other.held_out),
      })),
      {
        ...line("on its training text", places, run.training, { color: colours.training, width: 2, dash: "dash" }),
        ...hover("on its training text", run.steps, run.training),
      },
      {
        ...line("on held-out text", places, run.held_out, { color: colours.held_out, width: 2.6 }),
        ...hover("on held-out text", run.steps, run.held_out),
      },
      ...(run.steps.length
        ? [
            dot(places[at], run.training[at], colours.training, colours),
            dot(places[at], run.held_out[at], colours.held_out, colours),
          ]
        : []),
    ],
    layout: {
      title: { text: said.title },
      meta: { alt: said.alt },
      height: TOP + PLOT + AXIS + 26,
      margin: { t: TOP, b: 0 },
      showlegend: true,
      xaxis: {
        title: { text: "training steps, spaced by ratio" },
        range: [0, right],
        showgrid: false,
        zeroline: false,
        tickvals: TICKS.filter((step) => step <= end).map(placeOf),
        ticktext: TICKS.filter((step) => step <= end).map(count),
      },
      yaxis: { title: { text: "loss (nats per character)" }, range: [0, top], nticks: 6 },
      shapes: [
        ...run.baselines.map(([, loss]) => level(loss, colours)),
        ...(turned < 0 ? [] : [upright(places[turned], { color: colours.held_out, width: 1.6, dash: "dot" })]),
        ...(run.steps.length ? [upright(places[at], { color: colours.ink, width: 1.2 })] : []),
      ],
      annotations: [
        ...run.baselines.map(([name, loss]) => ({
          text: `${name} ${fixed(loss, 2)}`,
          x: right,
          y: loss,
          xanchor: "right",
          yanchor: "bottom",
          xshift: -8,
          yshift: 1,
          font: { color: colours.soft, size: 12.5 },
        })),
        ...(turned < 0
          ? []
          : [
              {
                text: `lowest: step ${count(run.steps[turned])}`,
                x: places[turned],
                yref: "paper",
                y: 0,
                xanchor: "right",
                yanchor: "bottom",
                xshift: -6,
                yshift: 4,
                font: { color: colours.held_out, size: 13 },
              },
            ]),
      ],
    },
  };
}

function line(name, x, y, style) {
  return { type: "scatter", mode: "lines", name, x, y, line: style };
}

function hover(name, steps, losses) {
  return {
    customdata: steps.map((step, i) => [count(step), fixed(losses[i], 3)]),
    hovertemplate: `${name}<br>step %{customdata[0]}<br>loss <b>%{customdata[1]}</b> nats per character<extra></extra>`,
  };
}

function dot(x, y, color, { paper }) {
  const marker = { symbol: "circle", size: 11, color, line: { color: paper, width: 2 } };
  return { type: "scatter", mode: "markers", hoverinfo: "skip", showlegend: false, x: [x], y: [y], marker };
}

function upright(x, style) {
  return { type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: style };
}

function level(loss, { line: color }) {
  return {
    type: "line",
    xref: "paper",
    x0: 0,
    x1: 1,
    y0: loss,
    y1: loss,
    line: { color, width: 1.2, dash: "dash" },
    layer: "below",
  };
}
