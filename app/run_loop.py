"""Step, run, stop, back, start over: what the buttons of the Generate page do.

A loop in a script cannot stream into a component, so a run is a count of steps to go, and a fragment that runs again and again
takes one at each tick. Stop is just not ticking.
"""

from __future__ import annotations

import time

from app import runtime, sequence, state

SPEEDS = {"1 token a second": 1.0, "2 a second": 0.5, "5 a second": 0.2, "As fast as it goes": 0.05}
DEFAULT_SPEED = "5 a second"


def interval() -> float:
    """Seconds between two steps of a run."""
    return SPEEDS[state.remembered("speed", DEFAULT_SPEED)]


def remaining() -> int:
    """Steps of the present run that are still to come; 0 when nothing runs."""
    return int(state.remembered("remaining", 0))


def total() -> int:
    """Steps of the present run in all."""
    return int(state.remembered("total", 0))


def start(steps: int) -> None:
    """Begin a run of this many steps."""
    state.remember("remaining", steps)
    state.remember("total", steps)
    state.remember("last_tick", 0.0)


def stop() -> None:
    """End the run; what was written stays."""
    state.remember("remaining", 0)


def step() -> None:
    """Choose one token by the settings in view, and append it. At the context length nothing happens but a message."""
    here = runtime.here()
    if here.is_full:
        stop()
        state.notify("The run has ended: the sequence has reached the context length.")
        return
    chosen = sequence.selection(here).chosen_id
    state.choose(chosen)
    tokenizer = here.model.tokenizer
    if chosen in tokenizer.end_ids and remaining():
        stop()
        state.notify(f"The model ended its text: it chose {tokenizer.text_of(chosen)}. Press Step to go on all the same.")


def next_token() -> None:
    """One token by hand: a run that goes on ends."""
    stop()
    step()


def tick() -> None:
    """One step of the run, if it is time for one: other events between two ticks do not hurry it."""
    if not remaining() or time.monotonic() - state.remembered("last_tick", 0.0) < 0.8 * interval():
        return
    state.remember("last_tick", time.monotonic())
    state.remember("remaining", remaining() - 1)
    try:
        step()
    except Exception:
        stop()  # or it would be tried, and said, at every tick
        raise


def back() -> None:
    """One step back; the token taken back stays as a ghost."""
    stop()
    view = state.current()
    state.update(step=max(0, view.step - 1), position=None)


def start_over() -> None:
    """Back to the prompt, without a ghost."""
    stop()
    state.drop_chosen()


def choose(token_id: int) -> None:
    """Continue with a token that was clicked."""
    here = runtime.here()
    if not here.is_full:
        stop()
        state.choose(token_id)
