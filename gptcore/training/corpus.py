"""A folder of .txt books -> token ids for training and for the held-out loss."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gptcore.errors import CorpusError
from gptcore.tokenizer import Tokenizer
from gptcore.training.cleaning import cleaned


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

    The training books come cleaned, the held-out ones as they are, so that losses stay comparable.

    Raises CorpusError if there is not at least one book to train on and one to hold out.
    """
    if not 1 <= count < len(books):
        raise CorpusError(f"{count} of {len(books)} books cannot be held out; there must be at least one held out and one left.")
    by_hash = sorted(books, key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = set(by_hash[:count])
    training = {name: cleaned(text) for name, text in books.items() if name not in held_out}
    return training, {name: books[name] for name in sorted(held_out)}


def encode_books(books: dict[str, str], tokenizer: Tokenizer) -> np.ndarray:
    """All books as one row of token ids (uint16), each ended by <|endoftext|>."""
    end = np.array([tokenizer.end_of_text_id], dtype=np.uint16)
    parts = [part for text in books.values() for part in (np.array(tokenizer.encode(text), np.uint16), end)]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint16)


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
        self._order = (-1, np.zeros(0, np.int64))  # which pass, and where its windows start: drawn once a pass

    @property
    def batches_a_pass(self) -> int:
        return (len(self._ids) - self._context - 1) // self._context // self._batch

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of this step, both int64 [batch, context]: a function of seed and step, so that training resumes."""
        done, index = divmod(step, self.batches_a_pass)
        if done != self._order[0]:
            self._order = done, self._starts(done)
        starts = self._order[1][index * self._batch : (index + 1) * self._batch]
        rows = self._ids[starts[:, None] + np.arange(self._context + 1)].astype(np.int64)
        targets = rows[:, 1:].copy()
        draw = np.random.default_rng((self._seed, done, index))
        for row, asked in zip(rows[: self._repeated], targets[: self._repeated], strict=True):
            period = int(draw.integers(max(2, self._context // 16), self._context // 2 + 1))
            row[:] = np.resize(draw.permutation(row)[:period], len(row))
            asked[:] = row[1:]
            asked[: period - 1] = NOT_ASKED
        return torch.from_numpy(rows[:, :-1]), torch.from_numpy(targets)

    def _starts(self, done: int) -> np.ndarray:
        draw = np.random.default_rng((self._seed, done))
        offset = int(draw.integers(self._context))  # so that no pass cuts the text at the same places
        return offset + draw.permutation((len(self._ids) - 1 - offset) // self._context) * self._context
