// A question that was open when the server ended is opened once more by the teacher's browser, which has kept how it was asked.
const KEY = "glass-asked";

// kept: {epoch, again}, or null; state: the newest of the class. Returns {keep, ask}: what is to be kept now (null for nothing), and what is
// to be asked now (null for nothing). `again` is what app/room/questions.py makes it.
export function afterState(kept, state) {
  const question = state.get("question");
  const again = state.get("again");
  if (question) return { keep: question.status === "open" && again ? { epoch: state.epoch, again } : null, ask: null };
  if (!kept || kept.epoch === state.epoch) return { keep: null, ask: null }; // there is none, or it was ended
  // Another life of the class: its page comes first, since a guess is about the text in view.
  return state.get("where") ? { keep: null, ask: kept.again } : { keep: kept, ask: null };
}

export function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export function remember(kept) {
  if (kept) sessionStorage.setItem(KEY, JSON.stringify(kept));
  else sessionStorage.removeItem(KEY);
}
