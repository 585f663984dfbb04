"""Token ids in a link: to base 36, and texts that begin alike one after the other."""

from __future__ import annotations

from collections.abc import Sequence

Texts = tuple[tuple[int, ...], ...]

MOST_TEXTS = 20
LONGEST = 2_000  # characters of all texts together
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def in_base_36(number: int) -> str:
    """35 -> "z"."""
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
        if not number:
            return digits


def read_ids(text: str) -> tuple[int, ...]:
    """Ids with dots between them; ValueError for junk."""
    ids = tuple(int(part, 36) for part in text.split(".") if part)
    if len(ids) > 65536 or any(not 0 <= i < 2**31 for i in ids):
        raise ValueError(text)
    return ids


def write_ids(ids: Sequence[int]) -> str:
    """What `read_ids` reads."""
    return ".".join(in_base_36(i) for i in ids)


def read_texts(text: str) -> Texts:
    """Several texts, each as how many ids it shares with the one before it, and its own; ValueError for junk, and for too much."""
    if len(text) > LONGEST:
        raise ValueError(f"{len(text)} characters")
    found: list[tuple[int, ...]] = []
    for each in text.split("~") if text else []:
        shared, _, own = each.partition("!")
        before = found[-1] if found else ()
        ids = (*before[: int(shared)], *read_ids(own))
        if not ids or not 0 <= int(shared) <= len(before) or ids in found or len(found) == MOST_TEXTS:
            raise ValueError(text)
        found.append(ids)
    return tuple(found)


def write_texts(texts: Sequence[Sequence[int]]) -> str:
    """What `read_texts` reads."""
    said: list[str] = []
    before: Sequence[int] = ()
    for text in texts:
        shared = next((n for n, (a, b) in enumerate(zip(text, before, strict=False)) if a != b), min(len(text), len(before)))
        said.append(f"{shared}!{write_ids(text[shared:])}")
        before = text
    return "~".join(said)


def read_exchange(text: str) -> str:
    """ "5.17", a position and an id, or nothing; ValueError for junk."""
    position, token_id = text.split(".") if text else ("0", "0")
    if not 0 <= int(position) < 65536 or not 0 <= int(token_id) < 2**31:
        raise ValueError(text)
    return text
