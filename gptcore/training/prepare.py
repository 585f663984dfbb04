"""python -m gptcore.training.prepare --corpus FOLDER --out FOLDER: books -> vocabulary and token ids, once, in files to train from.

The folder that it writes is all that training reads, so a machine that is lent for minutes spends none of them on text.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gptcore.errors import CorpusError, GPTCoreError
from gptcore.tokenizer import Tokenizer
from gptcore.training.bpe import train_vocabulary
from gptcore.training.cleaning import cleaned, without_copies
from gptcore.training.corpus import encode_books, read_books, split_held_out

VOCABULARY_FILES = ("merges.txt", "vocab.json")


@dataclass(frozen=True)
class PreparedCorpus:
    """Token ids (uint16) to train on, to mix in for a while, and of the books held out; empty where there are none.

    held_out_also: of the books held out of the further folders, so that the first held-out loss stays comparable.
    """

    ids: np.ndarray
    more_ids: np.ndarray
    held_out_ids: np.ndarray
    held_out_also_ids: np.ndarray

    @classmethod
    def from_folder(cls, folder: Path) -> PreparedCorpus:
        """Raises CorpusError if the folder was not written by `prepare`."""
        try:
            return cls(*(np.load(folder / f"{name}.npy") for name in cls.__dataclass_fields__))
        except (OSError, ValueError) as error:
            raise CorpusError(f"{folder} holds no prepared corpus ({error}); write one with gptcore.training.prepare.") from error


def prepare(
    corpus: Path,
    out: Path,
    *,
    vocab_size: int = 4096,
    vocabulary: Path | None = None,
    also: Path | None = None,
    more: Path | None = None,
    held_out: int = 4,
    also_held_out: int = 3,
) -> PreparedCorpus:
    """Read, hold out, clean, learn the vocabulary of `corpus` and `also` (or take that of the folder `vocabulary`), encode, write.

    Raises CorpusError for folders that cannot be used, and for text too short to hold a vocabulary of that size.
    """
    books, kept = split_held_out(read_books(corpus), held_out)
    also_books, also_kept = split_held_out(read_books(also), also_held_out) if also else ({}, {})
    more_books = {name: cleaned(text) for name, text in read_books(more).items()} if more else {}
    clean = without_copies({**books, **also_books, **more_books}, [*kept.values(), *also_kept.values()])
    style = {name: clean[name] for name in (*books, *also_books)}
    out.mkdir(parents=True, exist_ok=True)
    if vocabulary:
        for name in VOCABULARY_FILES:
            shutil.copy(vocabulary / name, out)
    elif not (out / "vocab.json").is_file():
        train_vocabulary(style.values(), vocab_size, out)
    tokenizer = Tokenizer.from_folder(out)
    parts = (style, {name: clean[name] for name in more_books}, kept, also_kept)
    prepared = PreparedCorpus(*(encode_books(part, tokenizer) for part in parts))
    for name, ids in vars(prepared).items():
        np.save(out / f"{name}.npy", ids)
    named = dict(zip(PreparedCorpus.__dataclass_fields__, map(list, parts), strict=True))
    (out / "books.json").write_text(json.dumps(named, indent=1), "utf-8")
    return prepared


def main() -> None:
    parser = argparse.ArgumentParser("python -m gptcore.training.prepare", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of .txt books in UTF-8")
    parser.add_argument("--also", type=Path, help="folder of further books of the same kind")
    parser.add_argument("--more", type=Path, help="folder of other books, which training mixes in for a while")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vocab-size", type=int, default=8192)
    parser.add_argument("--vocabulary", type=Path, help="model folder whose vocabulary to take instead of learning one")
    parser.add_argument("--held-out", type=int, default=4, help="whole books of --corpus that are not trained on")
    parser.add_argument("--also-held-out", type=int, default=3, help="whole books of --also that are not trained on")
    try:
        prepared = prepare(**vars(parser.parse_args()))
    except GPTCoreError as error:
        sys.exit(str(error))
    for name, ids in vars(prepared).items():
        print(f"{name}: {len(ids):,} tokens")


if __name__ == "__main__":
    main()
