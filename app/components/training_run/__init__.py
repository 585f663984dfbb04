"""A training as it was at its checkpoints: losses, samples, attention and embeddings, which follow a slider in the browser.

The data travel once, on the shelf, and the browser keeps them; a message says where the page looks. Python hears where the slider
came to rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app import messages, palette, state
from app.charts.theme import SURFACES, Mode, blend
from app.components import component, pack
from app.components.vocabulary import shelve

WHOLE = 65535  # an attention weight of 1, as weights travel


@dataclass(frozen=True, eq=False)
class RunPicture:
    """What is drawn of a run, checkpoint by checkpoint.

    steps, training, held_out: losses in nats per character; baselines: (name, loss) of guessers; samples: what each checkpoint wrote
    after `prompt`; copied: (start, length) of the longest run of each sample that stands in the training text; around: what stands before
    and after it there; usual_run: how long such a run is of text that nobody copied; text: the characters of
    the maps, as they are shown; heads: their names; maps: uint16 [checkpoint, head, weight], the rows of a causal map one after
    another, in 65,535ths; names, kinds, planes: the characters of the plane, a class for each, float32 [checkpoint, character, 2].
    """

    steps: Sequence[int]
    training: Sequence[float]
    held_out: Sequence[float]
    baselines: Sequence[tuple[str, float]]
    prompt: str
    samples: Sequence[str]
    copied: Sequence[tuple[int, int]]
    around: Sequence[tuple[str, str]]
    usual_run: float
    text: Sequence[str]
    heads: Sequence[str]
    maps: np.ndarray
    names: Sequence[str]
    kinds: Sequence[str]
    planes: np.ndarray
    plane_says: str


def packed_maps(weights: np.ndarray) -> np.ndarray:
    """Causal attention weights [..., head, query, key] -> uint16 [..., head, weight], as `RunPicture.maps`."""
    below = np.tril_indices(weights.shape[-1])
    found: np.ndarray = np.rint(weights[..., below[0], below[1]] * WHOLE).astype(np.uint16)
    return found


def colours(mode: Mode) -> dict[str, str]:
    """Of the lines and what stands around them."""
    surface = SURFACES[mode]
    return {
        "held_out": palette.colour("probability", mode),
        "training": palette.colour("residual", mode),
        "other": palette.colour("reference", mode),
        "ink": surface["ink"],
        "paper": surface["paper"],
        "soft": blend(surface["ink"], surface["paper"], 0.72),
        "line": blend(surface["ink"], surface["paper"], 0.4),
    }


def training_run(
    run: RunPicture,
    *,
    key: str,
    title: str,
    alt: str,
    name: str,
    at: int,
    head: int,
    mode: Mode,
    on_rest: Callable[[int], object],
    on_head: Callable[[int], object],
) -> None:
    """Draw a run. at, head: the checkpoint and the head that are looked at first, or when the page says another one; name: file name
    of pictures; on_rest, on_head: called with the checkpoint where a hand came to rest, and with the head that was chosen."""
    shelf = f"{key}:run"
    value: dict[str, Any] = {
        "steps": list(run.steps),
        "training": list(run.training),
        "held_out": list(run.held_out),
        "baselines": [list(each) for each in run.baselines],
        "others": [],
        "prompt": run.prompt,
        "samples": list(run.samples),
        "copied": [list(each) for each in run.copied],
        "around": [list(each) for each in run.around],
        "usual_run": run.usual_run,
        "text": list(run.text),
        "heads": list(run.heads),
        "plane": {"names": list(run.names), "kinds": list(run.kinds), "says": run.plane_says, "alt": f"Plane of embeddings. {run.plane_says}"},
    }  # fmt: skip
    shelve(shelf, value, key=f"{key}_run", maps=run.maps, plane=run.planes.astype(np.float32))
    said = {"title": title, "alt": alt, "name": name, "colours": colours(mode)}

    def rested() -> None:
        if (index := messages.index(state.component_value(key, "at"), len(run.steps))) is not None:
            on_rest(index)

    def chose() -> None:
        if (index := messages.index(state.component_value(key, "head"), len(run.heads))) is not None:
            on_head(index)

    header = {"shelf": shelf, "said": said, "at": at, "head": head}
    component("training_run")(key=key, data=pack(header), on_at_change=rested, on_head_change=chose)
