"""A folder of .txt books -> token ids for training and for the held-out loss."""

from __future__ import annotations

import hashlib
import re
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gptcore.errors import CorpusError
from gptcore.tokenizer import Tokenizer


def read_books(folder: Path) -> dict[str, str]:
    """File name -> text of every .txt file in the folder, in order of name.

    Raises CorpusError for a folder that is missing or has no text, and for a file that is not UTF-8.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder} is not a folder; the corpus is a folder of .txt files in UTF-8.")
    books: dict[str, str] = {}
    for path in sorted(folder.glob("*.txt")):
        try:
            text = path.read_text("utf-8").strip()
        except UnicodeDecodeError as error:
            raise CorpusError(f"{path.name} is not UTF-8: byte {error.start} cannot be read. Save it as UTF-8.") from error
        if text:
            books[path.name] = text
    if not books:
        raise CorpusError(f"{folder} has no .txt file with text in it.")
    return books


def split_held_out(books: dict[str, str], count: int) -> tuple[dict[str, str], dict[str, str]]:
    """(training books, held-out books): whole books, chosen by a hash of their names, so that the choice never moves.

    The training books come without their scholars' notes; the held-out ones as they are, so that losses stay comparable.

    Raises CorpusError if there is not at least one book to train on and one to hold out.
    """
    if not 1 <= count < len(books):
        raise CorpusError(f"{count} of {len(books)} books cannot be held out; there must be at least one held out and one left.")
    by_hash = sorted(books, key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = set(by_hash[:count])
    training = {name: without_notes(text) for name, text in books.items() if name not in held_out}
    return training, {name: books[name] for name in sorted(held_out)}


# What a paragraph about tales has and a tale has not: references, years, and the words of those who collect.
_REFERENCE = re.compile(
    r"\bpp?\. ?\d|\b[Vv]ols?\. |\b[Ii]bid|\b[Cc]f\.|\bNo\. [xivlc\d]|\bSource\.|\bParallels\.|\bRemarks\.|\bl(?:oc)?\. ?c(?:it)?\."
    r"|\bSanskrit|\bMSS?\.|[Ff]olk-?[ -]?[Ll]ore|\b[Mm]ytholog|\b[Ee]tymolog|\bAryan|\b[Ff]olk-tales?\b|\b[Vv]ariants?\b"
    r"|\b[Tt]ranslat(?:ed|ion)|\b[Cc]ollect(?:ed|ion|or)|\b1[5-9]\d\d\b"
)
_LEAST_NOTES = 500  # characters: less is a tale that mentions a year


def without_notes(text: str) -> str:
    """The book without the preface and the notes that a scholar has put around the tales.

    A paragraph with a reference speaks for notes with its length, one without speaks against them with half of it; the beginning and
    the end that gather most in favour are cut off, unless that is less than 500 characters.
    """
    paragraphs = text.splitlines(keepends=True)
    first = _notes_at_the_start(paragraphs)
    last = len(paragraphs) - _notes_at_the_start(paragraphs[:first:-1])
    return "".join(paragraphs[first:last]).strip()


def _notes_at_the_start(paragraphs: list[str]) -> int:
    weights = (len(p) if _REFERENCE.search(p) else -len(p) / 2 for p in paragraphs)
    evidence = [0.0, *accumulate(weights)]
    most = max(evidence)
    return evidence.index(most) if most >= _LEAST_NOTES else 0


def encode_books(books: dict[str, str], tokenizer: Tokenizer) -> np.ndarray:
    """All books as one row of token ids (uint16), each ended by <|endoftext|>."""
    end = np.array([tokenizer.end_of_text_id], dtype=np.uint16)
    return np.concatenate([part for text in books.values() for part in (np.array(tokenizer.encode(text), np.uint16), end)])


NOT_ASKED = -100  # a target that does not count, by torch's convention


class Windows:
    """Windows of context_length + 1 tokens, each seen once a pass, in an order drawn afresh for every pass.

    repeated: so many windows of a batch are shuffled and said again and again; only what can be known counts, from the second time
    on. That teaches to look for the same token further up and to go on as there (induction), which little text alone does not.
    Raises CorpusError if the corpus is shorter than one batch.
    """

    def __init__(self, ids: np.ndarray, context_length: int, batch_size: int, seed: int, repeated: int = 0) -> None:
        if len(ids) < (context_length + 1) * batch_size + context_length:
            raise CorpusError(
                f"The corpus has {len(ids):,} tokens; one batch of {batch_size} windows of {context_length} needs more. "
                "Add text, or make the batch or the context smaller."
            )
        self._ids, self._context, self._batch, self._seed, self._repeated = ids, context_length, batch_size, seed, repeated

    @property
    def batches_a_pass(self) -> int:
        return (len(self._ids) - self._context - 1) // self._context // self._batch

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of this step, both int64 [batch, context]: a function of seed and step, so that training resumes."""
        done, index = divmod(step, self.batches_a_pass)
        draw = np.random.default_rng((self._seed, done))
        offset = int(draw.integers(self._context))  # so that no pass cuts the text at the same places
        starts = draw.permutation((len(self._ids) - 1 - offset) // self._context)[index * self._batch : (index + 1) * self._batch]
        rows = self._ids[(offset + starts * self._context)[:, None] + np.arange(self._context + 1)].astype(np.int64)
        targets = rows[:, 1:].copy()
        draw = np.random.default_rng((self._seed, done, index))
        for row, asked in zip(rows[: self._repeated], targets[: self._repeated], strict=True):
            period = int(draw.integers(max(2, self._context // 16), self._context // 2 + 1))
            row[:] = np.resize(draw.permutation(row)[:period], len(row))
            asked[:] = row[1:]
            asked[: period - 1] = NOT_ASKED
        return torch.from_numpy(rows[:, :-1]), torch.from_numpy(targets)
