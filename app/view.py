"""What a visitor is looking at, as a value, and how it is written in the address. Nothing here knows whose it is: app.state does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from app import choices, link_ids
from app.choices import exact, number_or_all, real, short_text, understood, whole, written_or_all
from app.room.codes import read_code
from gptcore.random_numbers import MAX_SEED
from gptcore.run import Intervention, Patch, read_intervention, write_intervention

MAX_PROMPT_CHARACTERS = 20_000  # more than any context length can hold; a longer text is refused before it is cut into tokens
DEFAULT_PROMPT = "Once upon a time"
DEFAULT_MODEL = "storyteller"
BEFORE_MARKS = {
    "storyteller": "aff538"
}  # links without a mark hold ids of the vocabulary that the model had before there were marks
LONGEST_ADDRESS = 7_500  # bytes of its parameters, encoded: servers and what stands before them often refuse more than 8 kB


@dataclass(frozen=True)
class View:
    """Everything that a link restores.

    chosen: ids of the tokens chosen after the prompt; position: the cursor, which is the token in focus, None for the newest; step: in
    links of an earlier kind, how many chosen tokens stood before the cursor (app.runtime makes a position of it); top_k: None for no
    limit; intervention: parts that are off, or cells that come from another text (gptcore.run), None for the model as it is;
    vocabulary: the mark of that of the ids (gptcore.fingerprint), "" where it is not known; room: the code of the class that the visitor
    explores beside, "" for none; choices: what was chosen on single pages
    (app.choices), by name, where it differs from the default.
    """

    model: str = DEFAULT_MODEL
    prompt: str = DEFAULT_PROMPT
    chosen: tuple[int, ...] = ()
    step: int | None = None
    temperature: float = 0.8
    top_k: int | None = 40
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int = 1
    layer: int = 0
    head: int = 0
    position: int | None = None
    intervention: Intervention | None = None
    vocabulary: str = ""
    room: str = ""
    choices: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def _code(text: str) -> str:
    if not (code := read_code(text)):
        raise ValueError(text)
    return code


EXAMPLES = {each.name: getattr(View(), each.name) for each in fields(View)}
# How each field is read from a URL; a ValueError means junk, and junk means the default.
READ: Mapping[str, Callable[[str], Any]] = {
    "model": str,
    "prompt": short_text(MAX_PROMPT_CHARACTERS),
    "chosen": link_ids.read_ids,
    "step": whole(0, 65536),
    "temperature": real(0, 5),
    "top_k": number_or_all(10_000_000),
    "top_p": real(0, 1, low_included=False),
    "min_p": real(0, 1),
    "seed": whole(0, MAX_SEED),
    "layer": whole(0, 1000),
    "head": whole(0, 1000),
    "position": whole(0, 65536),
    "intervention": read_intervention,
    "vocabulary": short_text(6),
    "room": _code,
}


def write(name: str, value: Any) -> str:
    if name == "chosen":
        return link_ids.write_ids(value)
    if name == "top_k":
        return written_or_all(value)
    if name == "intervention":
        return write_intervention(value)
    return exact(value) if isinstance(value, float) else str(value)


def from_query(parameters: Mapping[str, str]) -> View:
    """The view that a link describes; what is missing or junk is the default."""
    found = understood(parameters, READ)
    said = understood(parameters, {name: choice.read for name, choice in choices.ALL.items()})
    kept = {name: value for name, value in said.items() if value != choices.ALL[name].default}
    unmarked = {"vocabulary": BEFORE_MARKS.get(found.get("model", DEFAULT_MODEL), "")} if "chosen" in found else {}
    return View(**{**unmarked, **found}, choices=MappingProxyType(kept))


def has_ids(view: View) -> bool:
    """Whether it holds token ids, which mean something in their own vocabulary only."""
    return bool(view.chosen) or isinstance(view.intervention, Patch) or choices.BRANCHES.name in view.choices


def without_ids(view: View) -> View:
    """Prompt and settings alone, for a vocabulary in which the ids mean something else."""
    whole = None if isinstance(view.intervention, Patch) else view.intervention
    return replace(without_branches(view), chosen=(), step=None, position=None, intervention=whole)


def without_branches(view: View) -> View:
    """With nothing that was written and left: it went on from another text."""
    kept = {name: value for name, value in view.choices.items() if name != choices.BRANCHES.name}
    return replace(view, choices=MappingProxyType(kept))


def outlives(intervention: Intervention | None, before: View, after: View) -> bool:
    """Whether an intervention can go on: parts of another model are other parts, and cells were patched in their text."""
    return intervention is None or (before.model == after.model and not isinstance(intervention, Patch))


def to_query(view: View) -> dict[str, str]:
    """The parameters that describe the view: what differs from the default, and the prompt always; a mark only with token ids."""
    default = View()
    query, elsewhere = {"prompt": view.prompt}, {"prompt", "step", "choices"} | (set() if has_ids(view) else {"vocabulary"})
    for each in fields(View):
        value = getattr(view, each.name)
        if each.name not in elsewhere and value != getattr(default, each.name):
            query[each.name] = write(each.name, value)
    return query | {
        name: choices.ALL[name].write(value) for name, value in sorted(view.choices.items()) if choices.fits(name, value)
    }


def address(view: View) -> tuple[dict[str, str], str]:
    """The parameters of a view's address, and the name of what had to stay out of it, "" if nothing: an address of more than
    LONGEST_ADDRESS bytes is refused by the server, or by what stands before it, and then nothing of it opens.

    The longest part goes first; without the prompt the tokens chosen after it and a place among them mean nothing.
    """
    query, left_out = to_query(view), ""
    while len(urlencode(query)) > LONGEST_ADDRESS:
        longest = max(query, key=lambda name: len(urlencode({name: query[name]})))
        left_out = left_out or longest
        gone = {longest} | ({"chosen", "vocabulary", "step", "position"} if longest in ("prompt", "chosen") else set())
        gone |= {choices.BRANCHES.name} if longest == "prompt" else set()
        query = {name: value for name, value in query.items() if name not in gone}
    return query, left_out
