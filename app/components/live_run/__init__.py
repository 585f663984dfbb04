"""A training that runs on the server while it is watched: its buttons, how far it is, and the same pictures as of a recorded run.

News come to the browser by address, without a run of the script; a press of a button goes to Python, since what it does is its
visitor's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app import messages, state
from app.charts.theme import Mode
from app.components import component, pack
from app.components.training_run import colours
from app.server.answers import ADDRESS

PRESSES = ("pause", "play", "step", "stop")


def live_run(
    *,
    key: str,
    visitor: int,
    title: str,
    name: str,
    others: Sequence[Mapping[str, Any]],
    speeds: Sequence[int],
    mode: Mode,
    on_press: Callable[[str], object],
    on_speed: Callable[[int], object],
) -> None:
    """Draw what runs. visitor: the number by which the page asks for news; title: of the losses; name: file name of pictures; others:
    held-out losses to compare with ({"name", "steps", "held_out"}); on_press: called with one of PRESSES; on_speed: with one of `speeds`.
    """

    def pressed() -> None:
        said = messages.record(state.component_value(key, "press"))
        if (word := messages.one_of(said.get("word"), PRESSES)) is not None:
            on_press(word)
        if (speed := messages.one_of(said.get("speed"), speeds)) is not None:
            on_speed(speed)

    header = {
        "address": ADDRESS,
        "visitor": visitor,
        "others": [dict(other) for other in others],
        "speeds": list(speeds),
        "said": {"title": title, "alt": f"Line chart: {title}.", "name": name, "colours": colours(mode)},
    }
    component("live_run")(key=key, data=pack(header), on_press_change=pressed)
