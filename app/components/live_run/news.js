// What the server says of the training that runs, put together from its answers.
export const NAMES = {
  uniform: "every character equally likely",
  frequency: "knows how often each occurs",
  pairs: "knows how often each follows each",
};

// A run that has said nothing yet, as chart.js and view.js take it.
export function emptyRun(others = []) {
  const lists = ["steps", "seconds", "training", "held_out", "baselines", "samples", "copied", "around", "text", "heads", "maps"];
  return { ...Object.fromEntries(lists.map((name) => [name, []])), others, prompt: "", usual_run: 0, plane: null, end: 300 };
}

// Weights that travelled as text: uint16, little endian.
export function weightsOf(text) {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  return new Uint16Array(bytes.buffer);
}

// Points that travelled as text: float32, little endian.
export function pointsOf(text) {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

const PLANE =
  "Each character is a row of the embedding table, drawn in the plane in which the rows spread most at this step, turned to lie as it did at the step before. Bold: vowels; orange: capitals; grey: signs and digits.";

// Take an answer into the run. Returns "new" for another training, "rows" if there is a checkpoint more, else "".
export function take(run, known, said, others) {
  if (!said.number) return "";
  const fresh = said.number !== known.number || said.from === 0;
  if (fresh) Object.assign(run, emptyRun(others));
  if (said.begun?.kind) {
    run.baselines = said.begun.baselines.map(([name, loss]) => [NAMES[name], loss]);
    run.prompt = said.begun.prompt;
    run.usual_run = said.begun.usual_run;
    run.text = said.begun.text;
    run.plane = {
      names: said.begun.names,
      kinds: said.begun.kinds,
      planes: new Float32Array(0),
      says: PLANE,
      alt: `Plane of embeddings. ${PLANE}`,
    };
    run.heads = Array.from(
      { length: said.begun.layers * said.begun.heads },
      (_, i) => `layer ${Math.floor(i / said.begun.heads)}, head ${i % said.begun.heads}`,
    );
  }
  for (const row of said.rows) {
    run.steps.push(row.step);
    run.seconds.push(row.seconds);
    run.training.push(row.training);
    run.held_out.push(row.held_out);
    run.samples.push(row.sample);
    run.copied.push([row.copied[0], row.copied[2]]);
    run.around.push(row.around);
    run.maps.push(weightsOf(row.maps));
    if (run.plane) run.plane.planes = Float32Array.from([...run.plane.planes, ...pointsOf(row.plane)]);
  }
  known.number = said.number;
  known.rows = run.steps.length;
  return fresh ? "new" : said.rows.length ? "rows" : "";
}

const ENDS = {
  time: "The run is over.",
  steps: "The run is over: it made all the steps that it may.",
  stopped: "Stopped.",
  left: "It ended, since whoever had started it left.",
  wall: "It ended, since it stood for ten minutes.",
  paused: "It ended: it was paused while others waited.",
  memory: "It ended, since it took too much memory.",
  failed: "It could not be started on this server.",
};

// One sentence on what goes on.
export function status(said, seconds, counted) {
  const queue = said.place ? ` You are number ${counted(said.place)} of ${counted(said.waiting)} in the queue.` : "";
  if (!said.number && said.watches) return "Nothing is running yet.";
  if (!said.number) return said.place ? `Your training starts at once.${queue}` : "Nothing is running. Start a training above.";
  const whose = said.watches ? "The training" : said.mine ? "Your training" : "Somebody's training";
  const far =
    said.progress?.step === undefined
      ? ""
      : ` Step ${counted(said.progress.step)}, ${seconds(said.progress.seconds)} s of processor time.`;
  const states = {
    starting: `${whose} (${said.title}) starts: this takes some seconds.`,
    running: `${whose} (${said.title}) runs.${far}`,
    paused: `${whose} (${said.title}) is paused.${far}`,
    ended: `${whose} (${said.title}): ${ENDS[said.why] ?? said.why}${far}`,
  };
  return states[said.state] + queue;
}
