"""Step, run, stop, back, start over: what the buttons of the Write page do.

A loop in a script cannot stream into a component, so a run is a count of steps to go, and a fragment that runs again and again
takes one at each tick and has the page drawn again. Stop is just not ticking.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st

from app import guesses, runtime, sequence, state

SPEEDS = {"1 token a second": 1.0, "2 a second": 0.5, "5 a second": 0.2, "Maximum speed": 0.05}
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
    """One token further: along the text, and at its end one that the settings in view choose, appended. At the context length nothing
    happens but a message."""
    here = runtime.here()
    if not here.is_newest:
        state.update(**here.cursor_on(here.position + 1))
        return
    if here.is_full:
        stop()
        state.notify("The run has ended: the sequence has reached the context length.")
        return
    chosen = sequence.selection(here).chosen_id
    state.take_branch((*here.view.chosen, chosen))
    tokenizer = here.model.tokenizer
    if chosen in tokenizer.end_ids and remaining():
        stop()
        state.notify(f"The model ended its text: it chose {tokenizer.text_of(chosen)}. Press Next token to go on all the same.")


def go_to(index: int) -> None:
    """A click on the chip at `index` puts the cursor there; on the place of the next token it goes on."""
    here = runtime.here()
    if index < len(here.ids):
        stop()
        state.update(**here.cursor_on(index))
    else:
        state.update(**here.cursor_on(len(here.ids) - 1))
        next_token()


def next_token() -> None:
    """One token by hand: a run that goes on ends. While it is being guessed, its answer comes first: nothing is written unseen."""
    stop()
    if guesses.is_open(here := runtime.here()):
        guesses.make(here, guesses.TOLD)
    else:
        step()


@dataclass
class PageRun:
    """One drawing of the whole page; is_over: then the fragment at its end runs by itself."""

    is_over: bool = False


def keep_going(page: PageRun) -> None:
    """What a run does at each tick; while the whole page is drawn, which is no tick, nothing."""
    if page.is_over and tick():
        st.rerun()


def tick() -> bool:
    """One step of the run, if it is time for one: other events between two ticks do not hurry it. Whether there was one."""
    if not remaining() or time.monotonic() - state.remembered("last_tick", 0.0) < 0.8 * interval():
        return False
    state.remember("last_tick", time.monotonic())
    state.remember("remaining", remaining() - 1)
    try:
        step()
    except Exception:
        stop()  # or it would be tried, and said, at every tick
        raise
    return True


def back() -> None:
    """The cursor one token back; nothing is dropped."""
    stop()
    here = runtime.here()
    state.update(position=max(0, here.position - 1))


def start_over() -> None:
    """Back to the prompt; what was written stays in the list of branches."""
    stop()
    state.take_branch(())


def choose(token_id: int) -> None:
    """Go on from the cursor with a token that was clicked: along the text where it is the one that follows, else on a new branch."""
    here = runtime.here()
    kept = here.position + 1 - len(here.sequence.prompt)
    if kept < 0 or (here.is_full and here.is_newest):
        return
    stop()
    if here.view.chosen[kept : kept + 1] == (token_id,):
        state.update(**here.cursor_on(here.position + 1))
    else:
        state.take_branch((*here.view.chosen[:kept], token_id))
