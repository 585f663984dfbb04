"""A text and its tokens -> what the page draws: where each cut is and why, the merges of one piece, and how other things are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from app.runtime import Here
from app.writing.numbers import counted
from gptcore.checks import Check
from gptcore.tokenizer import Tokenizer

MOST_CHIPS = 1024  # more than that is not drawn, only counted and exported
LONGEST_STEPPED = 64  # bytes of the longest piece whose merges are shown step by step
_MOST_REPLAYED = 500  # different pieces whose merges are done again for the self-check

# What is cut -> a text that shows it.
SPECIAL_CASES: dict[str, str] = {
    "A word after a space": " cat",
    "The same word without": "cat",
    "With a capital": " Cat",
    "Four spaces before it": "    cat",
    "A new line": "end.\nThe",
    "A rare word": " antidisestablishmentarianism",
    "An ending": "she'll",
    "A year and a decimal": "in 2026, 3.14159",
    "An emoji": "🙂",
    "Another script": "Привет",
}
_ENDINGS = {"'s", "'d", "'m", "'t", "'ll", "'ve", "'re"}


@dataclass(frozen=True)
class Statistics:
    """Counts of one text. pieces: after the pre-split, before any merge."""

    characters: int
    bytes: int
    pieces: int
    tokens: int

    @property
    def characters_per_token(self) -> float:
        return self.characters / self.tokens if self.tokens else 0.0


def cut(tokenizer: Tokenizer, text: str) -> pd.DataFrame:
    """One line a token: position, token_id, token (visible), bytes (hexadecimal), start and end (the characters that it
    covers, wholly or in part), piece (its number), piece_text (with its first token; empty with the others, or a long piece would
    stand there thousands of times), origin ("cut"), why (the reason of the cut before it, a `Why`)."""
    tokens = tokenizer.tokens(tokenizer.encode_text(text))
    rows, piece, left = [], -1, 0
    pieces = tokenizer.pre_split(text)
    for i, token in enumerate(tokens):
        begins = left == 0
        if begins:
            piece, left = piece + 1, len(pieces[piece + 1].encode("utf-8"))
        left -= len(token.bytes)
        why = _why_new_piece(pieces[piece]) if begins else _why_not_joined(tokens[i - 1].text, token.text)
        shown, text = token.bytes.hex(" ").upper(), pieces[piece] if begins else ""
        rows.append([i, token.id, token.text, shown, token.start, token.end, piece, text, "cut", why])
    return pd.DataFrame(rows, columns=_COLUMNS)


Why = tuple[str, ...]  # a sentence in parts: plain words and, at every second place, the text of a token
_COLUMNS = ["position", "token_id", "token", "bytes", "start", "end", "piece", "piece_text", "origin", "why"]


def cut_in_view(here: Here) -> pd.DataFrame:
    """As `cut`, of the sequence in view: the start token where the prompt is empty or the model's every text has one ("start"), the
    prompt's tokens ("cut"), and the tokens that the model chose ("chosen"), which were not cut from anything. A special token has no
    bytes."""
    tokenizer, n_prompt = here.model.tokenizer, len(here.sequence.prompt)
    prompt = cut(tokenizer, here.view.prompt)
    if n_start := n_prompt - len(prompt):
        why = (
            "The prompt is empty, so the app put in the token that parts texts in training. Typed by you, the same characters would be cut "
            "like any other text." if here.sequence.started_empty else "Every text of this model begins with this token.",
        )  # fmt: skip
        start = [_row(tokenizer, token_id, i, i, "start", why) for i, token_id in enumerate(here.ids[:n_start])]
        prompt[["position", "piece"]] += n_start
        prompt = pd.DataFrame(start + prompt.to_numpy().tolist(), columns=_COLUMNS)
    first_piece = int(prompt["piece"].max()) + 1
    why = ("The model chose this token; nothing was cut here.",)
    chosen = [
        _row(tokenizer, token_id, n_prompt + i, first_piece + i, "chosen", why) for i, token_id in enumerate(here.ids[n_prompt:])
    ]
    return pd.concat([prompt, pd.DataFrame(chosen, columns=_COLUMNS)], ignore_index=True) if chosen else prompt


def _row(tokenizer: Tokenizer, token_id: int, position: int, piece: int, origin: str, why: Why) -> list[object]:
    shown = "" if tokenizer.is_special(token_id) else tokenizer.bytes_of(token_id).hex(" ").upper()
    return [position, token_id, tokenizer.text_of(token_id), shown, 0, 0, piece, "", origin, why]


def _why_new_piece(piece: str) -> Why:
    kind = _kind(piece)
    space = ", with the space before it" if piece[0] == " " and kind != "white space" else ""
    return (f"The text is first cut into words and signs, and this token starts a piece: {kind}{space}.",)


def _kind(piece: str) -> str:
    """What the pre-split took a piece for."""
    first = piece.lstrip(" ")[:1]
    if piece.isspace():
        return "white space"
    if piece in _ENDINGS:
        return "an ending after an apostrophe"
    if first.isalpha():
        return "letters"
    return "a number" if first.isnumeric() else "other signs"


def _why_not_joined(before: str, after: str) -> Why:
    return ("Cut inside a piece: the vocabulary has no token that joins ", before, " and ", after, ".")


def piece_of(table: pd.DataFrame, position: int) -> str:
    """The text of the piece that the token at `position` belongs to."""
    return str(table.loc[table["piece"] == table["piece"].iloc[position], "piece_text"].iloc[0])


def facts(table: pd.DataFrame) -> list[tuple[Why, Why]]:
    """What the page says of each token when it is pointed at."""
    out: list[tuple[Why, Why]] = []
    for line in table.itertuples():
        n_bytes = len(line.bytes.split())
        written = f"{counted(n_bytes, 'byte')} in hexadecimal: {line.bytes}" if n_bytes else "special token, not cut from text"
        said = [f"token id {line.token_id:,}", written]
        if line.origin == "cut":
            said.append(_characters(line.start, line.end, not _is_whole(bytes.fromhex(line.bytes))))
        out.append((("", line.token, f" {' · '.join(said)}"), line.why))
    return out


def _characters(start: int, end: int, in_part: bool) -> str:
    place = f"character {start}" if end - start == 1 else f"characters {start} to {end - 1}"
    return f"part of {place}" if in_part else place


def _is_whole(shown: bytes) -> bool:
    try:
        shown.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def statistics(tokenizer: Tokenizer, table: pd.DataFrame) -> Statistics:
    """Counts of a cut text; special tokens are not text and do not count."""
    text = table[table["bytes"] != ""]
    data = tokenizer.decode_bytes(text["token_id"].tolist())
    return Statistics(len(data.decode("utf-8", errors="replace")), len(data), int(text["piece"].nunique()), len(text))


def merge_steps(tokenizer: Tokenizer, piece: str) -> pd.DataFrame:
    """step (0: single bytes), parts (tuple of bytes), rank and index of what was joined (-1 at step 0)."""
    first = tuple(bytes([b]) for b in piece.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8"))
    rows = [(0, first, -1, -1)] + [(i, m.parts, m.rank, m.index) for i, m in enumerate(tokenizer.merges(piece), 1)]
    return pd.DataFrame(rows, columns=["step", "parts", "rank", "index"])


def neighbours(tokenizer: Tokenizer, parts: Sequence[bytes]) -> pd.DataFrame:
    """first, second, rank (missing: no merge joins them), next (whether they are joined next): the pairs side by side in `parts`."""
    pairs = [(first, second, tokenizer.merge_rank(first, second)) for first, second in pairwise(parts)]
    ranks = [rank for *_, rank in pairs if rank is not None]
    table = pd.DataFrame(pairs, columns=["first", "second", "rank"]).astype({"rank": "Int64"})
    table["next"] = [False] * len(pairs)
    if ranks:
        table.loc[int((table["rank"] == min(ranks)).fillna(False).to_numpy(dtype=bool).argmax()), "next"] = True
    return table


def richest_position(table: pd.DataFrame) -> int:
    """The first token of the piece that was cut into most tokens: the one whose merges tell most."""
    pieces = table[table["origin"] == "cut"]
    if pieces.empty:
        return 0
    largest = pieces.groupby("piece", sort=True)["position"].count().idxmax()
    return int(pieces.loc[pieces["piece"] == largest, "position"].iloc[0])


def special_cases(tokenizer: Tokenizer) -> pd.DataFrame:
    """what, text, ids (tuple), tokens (their number), characters_per_token."""
    rows = []
    for what, text in SPECIAL_CASES.items():
        ids = tokenizer.encode_text(text)
        rows.append((what, text, ids, len(ids), len(text) / len(ids)))
    return pd.DataFrame(rows, columns=["what", "text", "ids", "tokens", "characters_per_token"])


def published_check(ids: Sequence[int], published: Sequence[int]) -> Check:
    """GPT-2's ids of a text, against those that are published."""
    apart = sum(a != b for a, b in zip(ids, published, strict=False)) + abs(len(ids) - len(published))
    return Check(
        "Published ids", "GPT-2's ids of this text, against the published ones. Deviation in ids that differ.", float(apart), 0.0
    )


def self_checks(tokenizer: Tokenizer, text: str, ids: Sequence[int]) -> list[Check]:
    """That no byte is lost, and that the merges shown lead to the tokens that the encoder gave."""
    all_pieces = tokenizer.pre_split(text)
    read = "".join(all_pieces) if tokenizer.prefix_space else text  # such a tokenizer puts a space in front
    whole = read.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8")
    joined = tokenizer.decode_bytes(ids)
    lost = sum(a != b for a, b in zip(whole, joined, strict=False)) + abs(len(whole) - len(joined))
    different = [piece for piece in dict.fromkeys(all_pieces) if piece not in tokenizer.added_words]
    short = [piece for piece in different if len(piece.encode("utf-8")) <= LONGEST_STEPPED]
    pieces = short[:_MOST_REPLAYED]
    wrong = sum(
        merge_steps(tokenizer, p)["parts"].iloc[-1] != tuple(tokenizer.bytes_of(i) for i in tokenizer.encode_piece(p))
        for p in pieces
    )
    kept = f"The tokens' bytes, joined, are the text's own {counted(len(whole), 'byte')}. Deviation in bytes that differ."
    replayed = (
        f"The merges, done one by one, end at the encoder's tokens, for {counted(len(pieces), 'different piece')}. "
        "Deviation in pieces that differ."
    )
    return [Check("Bytes kept", kept, float(lost), 0.0), Check("Merges replayed", replayed, float(wrong), 0.0)]
