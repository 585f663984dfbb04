"""The texts that some beats bring along: with them there is something to see (they are chosen by survey, see app.texts). The visitor's
own text is kept, and one click away.

A text is lent when a visitor comes to its beat by a way of the app, never by a link, which brings its own; it is given back where a beat
needs none. One that the visitor went on writing has become the visitor's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app import choices, focus, runtime, settling, standouts, state, texts
from app.runtime import Here
from app.texts import TEXTS
from gptcore.errors import GPTCoreError

OWN = "With my own text"  # what the button says that gives it back
_ARRIVED, _OWN, _WANTS_OWN = "arrived", "own_text", "wants_own_text"


@dataclass(frozen=True)
class Telling:
    """prompt: the text; focus: what to look at in it, as fields of the view, found in the running model; changed: the text with one
    change, which is offered to try."""

    prompt: str
    focus: Callable[[Here], Mapping[str, Any]] = lambda here: {}
    changed: str = ""


SAID_TWICE = TEXTS["said_twice"]
SINK = TEXTS["sink"]
PATCHING, PATCHING_OTHER = texts.both(TEXTS["patching"])  # two texts that differ in one token, and in what comes next
MOTORCYCLE = TEXTS["cut"]
THREE = TEXTS["relatives"]  # its last token has near relatives
EXPECTED = TEXTS["expected"]
TELLINGS: Mapping[tuple[str, str], Telling] = {
    ("tokens", "cut"): Telling(MOTORCYCLE),
    ("tokens", "merges"): Telling(MOTORCYCLE),
    ("tokens", "gpt2"): Telling(MOTORCYCLE, changed=texts.PUBLISHED[0]),
    **{("embeddings", part): Telling(THREE) for part in ("sum", "similar", "positions", "lengths", "plane")},
    **{("block", part): Telling(EXPECTED) for part in ("stations", "layers", "learned", "dropout")},
    ("attention", "lookup"): Telling(SAID_TWICE, focus.induction),
    ("attention", "closer"): Telling(SAID_TWICE, focus.induction),
    ("attention", "head"): Telling(SAID_TWICE, focus.induction),
    ("attention", "sink"): Telling(SINK, focus.sink, texts.begun_otherwise(SINK)),
    ("attention", "newest"): Telling(SAID_TWICE, focus.induction),
    ("layer_norm", "token"): Telling(TEXTS["spread"], standouts.widest),
    ("layer_norm", "outliers"): Telling(TEXTS["outliers"], standouts.farthest),
    ("layer_norm", "depth"): Telling(TEXTS["outliers"]),
    ("feed_forward", "steps"): Telling(TEXTS["sparse"], standouts.sparsest),
    ("feed_forward", "activations"): Telling(TEXTS["sparse"]),
    ("feed_forward", "neurons"): Telling(TEXTS["sparse"]),
    ("lens", "grid"): Telling(TEXTS["settles_in_the_middle"], settling.in_the_middle),
    ("lens", "position"): Telling(TEXTS["settles_at_the_end"], settling.in_the_last_block),
    ("lens", "stages"): Telling(SAID_TWICE),
    ("sampling", "greedy"): Telling(TEXTS["loops"]),
    ("sampling", "stops"): Telling(TEXTS["ends"]),
    ("what_if", "board"): Telling(SAID_TWICE, focus.induction_head),
    ("what_if", "without"): Telling(SAID_TWICE),
    ("what_if", "goes_on"): Telling(SAID_TWICE),
    ("patching", "map"): Telling(PATCHING),
    ("patching", "cell"): Telling(PATCHING),
    ("patching", "heads"): Telling(PATCHING),
    ("why", "sum"): Telling(SAID_TWICE),
    ("why", "heads"): Telling(SAID_TWICE, focus.induction_head),
    ("why", "tokens"): Telling(SAID_TWICE),
}


def arrive(page: str) -> None:
    """Before a page is drawn: when it, or its beat, has just been come to, the text that it brings is lent, or the visitor's own given
    back."""
    now, before = _place(page), state.remembered(_ARRIVED, None)
    state.remember(_ARRIVED, now)
    if before is None or before == now or state.remembered(_WANTS_OWN, False) or state.current().intervention:
        return
    if telling := TELLINGS.get(now):
        if not (_is_lent() and state.current().prompt == telling.prompt):  # else what was looked at there is looked at here
            _lend(telling)
    elif _is_lent():
        _give_back()


def stay() -> None:
    """The next page or beat is come to for the sake of this text: it is kept."""
    state.remember(_ARRIVED, None)


def changed(page: str, part: str) -> str:
    """The beat's text with one change; "" where it has none, or where the visitor looks at another text."""
    telling = TELLINGS.get((page, part))
    return telling.changed if telling and state.current().prompt == telling.prompt and not state.current().chosen else ""


def other_text(page: str, part: str) -> str:
    """What the button says that takes the other text, the beat's or the visitor's; "" where there is none."""
    if _is_lent():
        return OWN
    telling = TELLINGS.get((page, part))
    return "With a text that shows it well" if telling and telling.prompt != state.current().prompt else ""


def turn(page: str, part: str) -> None:
    """From the lent text to the visitor's own, or the other way; it stays so from beat to beat."""
    if _is_lent():
        _give_back()
        state.remember(_WANTS_OWN, True)
    else:
        state.remember(_WANTS_OWN, False)
        _lend(TELLINGS[page, part])


def _place(page: str) -> tuple[str, str]:
    return page, state.chosen(choices.ALL[page]) if page in choices.ALL else ""


def _is_lent() -> bool:
    view = state.current()
    return (
        state.remembered(_OWN, None) is not None
        and not view.chosen
        and view.prompt in {text for each in TELLINGS.values() for text in (each.prompt, each.changed) if text}
    )


def _text_in_hand() -> tuple[Any, ...]:
    """The visitor's text with its cursor and its branches, for `_take`."""
    view = state.current()
    return view.prompt, view.chosen, view.position, state.branches(), view.model


def _take(prompt: str, chosen: tuple[int, ...], position: int | None, kept: tuple[tuple[int, ...], ...], model: str) -> None:
    """Put a text in the place of the one in view; of tokens nothing is taken where the model is another by now."""
    if model != state.current().model:
        chosen, position, kept = (), None, ()
    state.update(prompt=prompt, chosen=chosen)
    state.update(position=position)
    state.keep_branches(kept)


def _lend(telling: Telling) -> None:
    own = state.remembered(_OWN, None) if _is_lent() else _text_in_hand()
    try:
        _take(telling.prompt, (), None, (), state.current().model)
        state.update(**telling.focus(runtime.here()))
        state.remember(_OWN, own)
    except GPTCoreError:  # this model cannot take it, as its context is too short: then it is told with what is there
        _take(*own)
        state.remember(_OWN, None)


def _give_back() -> None:
    _take(*state.remembered(_OWN, None))
    state.remember(_OWN, None)
