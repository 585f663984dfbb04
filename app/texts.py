"""The texts that pages bring along, each of which shows something in the embedded model.

They are chosen by survey, never by hand: after a change of the model `python -m benchmarks.texts` measures all candidates and writes
texts.json anew. What published examples print, and the prompt that everybody begins with, stays as it is and stands here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from gptcore.errors import GPTCoreError

FILE = Path(__file__).with_name("texts.json")
LONGEST = 1000  # characters
START = "Once upon a time"
PUBLISHED = ("Hello, I am", "Every effort moves you")
ROLES = (
    "said_twice", "sink", "spread", "outliers", "sparse", "settles_in_the_middle", "settles_at_the_end", "loops", "ends", "patching",
    "cut", "surprising", "relatives", "expected", "preset_sure", "preset_open", "preset_spoken",
)  # fmt: skip
PAIRS = {"patching"}  # two texts, written as one with [this|that] in it
_PAIR = re.compile(r"\[([^|\[\]]+)\|([^|\[\]]+)\]")


def begun_otherwise(text: str) -> str:
    """The same with another word in front."""
    return f"Then {text[0].lower()}{text[1:]}"


class TextsError(GPTCoreError):
    """A file of texts that does not have all of them, with what is wrong."""


def is_pair(text: str) -> bool:
    """Whether it stands for two texts."""
    return _PAIR.search(text) is not None


def both(text: str) -> tuple[str, str]:
    """The two texts that one with [this|that] in it stands for; of any other it is twice the same."""
    return _PAIR.sub(r"\1", text), _PAIR.sub(r"\2", text)


def read(said: str) -> Mapping[str, str]:
    """What each text is to show -> the text. Raises TextsError."""
    try:
        found = json.loads(said)
    except json.JSONDecodeError as error:
        raise TextsError(f"The file of texts is no JSON: {error}. Write it anew: python -m benchmarks.texts") from None
    if not isinstance(found, dict):
        raise TextsError(f"The file of texts is no JSON object: {said[:40]!r}. Write it anew: python -m benchmarks.texts")
    faults = [f"“{role}” is missing" for role in ROLES if role not in found]
    faults += [f"“{role}” is none of {', '.join(ROLES)}" for role in found if role not in ROLES]
    for role in found.keys() & set(ROLES):
        text = found[role]
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST or text != text.strip():
            faults.append(
                f"“{role}” is a text of 1 to {LONGEST:,} characters without spaces around it, and here it is {text!r:.80}"
            )
        elif is_pair(text) != (role in PAIRS):
            faults.append(f"“{role}” is {'two texts, [this|that],' if role in PAIRS else 'one text'} and here it is {text!r:.80}")
    if faults:
        raise TextsError(f"The file of texts cannot be used: {'; '.join(faults)}. Write it anew: python -m benchmarks.texts")
    return MappingProxyType(found)


TEXTS = read(FILE.read_text("utf-8"))
