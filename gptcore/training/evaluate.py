"""python -m gptcore.training.evaluate --model NAME --prepared FOLDER: how good is a model, in figures that compare across vocabularies.

Held-out books are those that training leaves out. As a floor: an interpolated Kneser-Ney n-gram model of the same training tokens
(Kneser and Ney 1995, https://doi.org/10.1109/ICASSP.1995.479394; the interpolated form of Chen and Goodman 1998).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import gptcore
from gptcore.errors import CorpusError, GPTCoreError
from gptcore.generation import generate
from gptcore.head_survey import KINDS, survey
from gptcore.language_model import LanguageModel
from gptcore.tokenizer import Tokenizer
from gptcore.training.prepare import PreparedCorpus

SPAN = 12  # tokens in a row that count as recited when they stand in the training data
OPENINGS = (
    "Once upon a time",
    "There was once a king",
    "The old woman went into the forest and",
    '"I am not afraid,"',
    "In the morning",
)
# For reading: who does what to whom, talk, things, places; the first five are those of the tables.
PROMPTS = (
    *OPENINGS,
    "The wolf said to the fox,",
    "In the middle of the garden there stood",
    "The little girl opened the door and saw",
    "The king had two daughters. The elder was proud, but the younger",
    '"Where have you been?" asked his mother.',
    "Far away in the mountains lived a giant who",
    "The boy gave the bread to the old beggar, and the beggar",
    "When the princess heard this, she",
    "On the top of the hill was a small house, and in the house",
    "Tom and Mary went down to the river",
    "The dragon looked at the knight and said,",
    '"What shall we do now?" said the cat to the mouse.',
    "It was a dark night, and the wind",
    "The youngest brother took the golden key and",
    "At last they came to the sea, where",
)


@dataclass(frozen=True)
class Prediction:
    """How well the next token of held-out text is predicted.

    loss: nats a token; bits_per_byte: the same per byte of text, so that vocabularies compare; top_1, top_5: share of tokens that
    were the best guess, or among the best five.
    """

    loss: float
    bits_per_byte: float
    top_1: float
    top_5: float


@dataclass(frozen=True)
class Writing:
    """What the model writes by itself. distinct_3: share of different ones among its runs of three tokens; recited: share of its
    runs of 12 tokens that stand word for word in the training data."""

    distinct_3: float
    recited: float
    tokens: int


@torch.inference_mode()
def predict(model: LanguageModel, ids: np.ndarray, windows: int) -> Prediction:
    """Over evenly spaced windows of held-out ids; each window begins without knowing what came before it."""
    length = model.config.context_length
    losses, ranks, predicted = [], [], []
    for start in np.unique(np.linspace(0, max(0, len(ids) - length - 1), windows).astype(int)):
        window = torch.from_numpy(ids[start : start + length + 1].astype(np.int64))
        log_probs = torch.log_softmax(model.model(window[None, :-1].to(model.device))[0].cpu().double(), dim=-1)
        real = log_probs.gather(-1, window[1:, None])
        losses.append(-real[:, 0].numpy())
        ranks.append((log_probs > real).sum(-1).numpy())
        predicted.append(window[1:].numpy())
    loss, rank = float(np.concatenate(losses).mean()), np.concatenate(ranks)
    tokens = np.concatenate(predicted)
    bytes_a_token = len(model.tokenizer.decode_bytes(tokens.tolist())) / len(tokens)
    return Prediction(loss, loss / math.log(2) / bytes_a_token, float((rank == 0).mean()), float((rank < 5).mean()))


def write(model: LanguageModel, training_ids: np.ndarray, tokens_each: int, seeds: Sequence[int]) -> Writing:
    """Continue a few openings with a few seeds at the app's default settings, and look at what came of it."""
    grams: list[tuple[int, ...]] = []
    spans: list[tuple[int, ...]] = []
    total = 0
    for opening in OPENINGS:
        for seed in seeds:
            steps = list(generate(model, opening, temperature=0.8, top_k=40, seed=seed, max_new_tokens=tokens_each))
            written = [step.token_id for step in steps]
            total += len(written)
            grams += zip(*(written[i:] for i in range(3)), strict=False)
            spans += zip(*(written[i:] for i in range(SPAN)), strict=False)
    return Writing(len(set(grams)) / len(grams), _share_found(spans, training_ids), total)


def _share_found(spans: list[tuple[int, ...]], ids: np.ndarray) -> float:
    """Share of the spans that occur in ids, by a 64-bit polynomial hash of each run (two different runs do not meet by chance)."""
    return float(np.isin(_hashes(np.array(spans)), _hashes(np.lib.stride_tricks.sliding_window_view(ids, SPAN))).mean())


def _hashes(runs: np.ndarray) -> np.ndarray:
    """One number for each row of [n, SPAN] ids."""
    found = np.zeros(len(runs), np.uint64)
    for column in range(SPAN):
        found = found * np.uint64(0x9E3779B97F4A7C15) + runs[:, column].astype(np.uint64) + np.uint64(1)
    return found


class KneserNey:
    """Interpolated Kneser-Ney n-gram model with one discount, over ids below 65,536 and at most 4 tokens an n-gram."""

    def __init__(self, ids: np.ndarray, vocab_size: int, order: int = 3, discount: float = 0.75) -> None:
        self._vocab, self._order, self._discount = vocab_size, order, discount
        self._keys: list[np.ndarray] = []  # n-grams as one integer each, sorted, for n = 1 ... order
        self._counts: list[np.ndarray] = []
        for n in range(order, 0, -1):
            if n == order:
                keys, counts = np.unique(_grams(ids, n), return_counts=True)
            else:  # lower orders count in how many contexts a token was seen, not how often
                keys, counts = np.unique(self._keys[0] & np.uint64((1 << 16 * n) - 1), return_counts=True)
            self._keys.insert(0, keys)
            self._counts.insert(0, counts)
        # Per context: total count and number of different continuations.
        self._contexts = [_by_context(keys, counts) for keys, counts in zip(self._keys, self._counts, strict=True)]

    def loss(self, ids: np.ndarray) -> float:
        """Mean loss in nats a token over ids, from the first token that has a whole context."""
        grams = _grams(ids, self._order)
        prob = np.full(len(grams), 1.0 / self._vocab)
        for n in range(1, self._order + 1):
            key = grams & np.uint64((1 << 16 * n) - 1)
            count = _look_up(self._keys[n - 1], self._counts[n - 1], key)
            contexts, totals, kinds = self._contexts[n - 1]
            context = key >> np.uint64(16)
            total, kind = _look_up(contexts, totals, context), _look_up(contexts, kinds, context)
            seen = total > 0
            share = np.where(seen, np.maximum(count - self._discount, 0) / np.maximum(total, 1), 0)
            rest = np.where(seen, self._discount * kind / np.maximum(total, 1), 1)
            prob = share + rest * prob
        return float(-np.log(prob).mean())


def _grams(ids: np.ndarray, n: int) -> np.ndarray:
    """Every run of n ids as one integer, the last id lowest."""
    wide = ids.astype(np.uint64)
    out = np.zeros(len(ids) - n + 1, np.uint64)
    for i in range(n):
        out = (out << np.uint64(16)) | wide[i : len(ids) - n + 1 + i]
    return out


def _by_context(keys: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    contexts, first, kinds = np.unique(keys >> np.uint64(16), return_index=True, return_counts=True)
    return contexts, np.add.reduceat(counts, first), kinds


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


def _bits_per_byte(loss: float, ids: np.ndarray, tokenizer: Tokenizer) -> float:
    return loss / math.log(2) * len(ids) / len(tokenizer.decode_bytes(ids.tolist()))


@dataclass(frozen=True)
class Subject:
    """A model to be judged, and the token ids of the corpus in its own vocabulary."""

    model: LanguageModel
    data: PreparedCorpus


def report(subjects: Mapping[str, Subject], windows: int, samples: int = 0) -> str:
    """As markdown: how good the models are, beside an n-gram model of the first one's vocabulary; what the first one's heads do; and
    `samples` of what it writes, unedited.

    subjects: heading -> model with its corpus. Nats a token compare only between models of one vocabulary, bits per byte always.
    """
    first = next(iter(subjects.values()))
    columns = {name: _column(subject, windows) for name, subject in subjects.items()}
    columns["Kneser-Ney 3-gram"] = _floor(first)
    rows = [
        "held-out loss, nats a token",
        "held-out bits per byte",
        "the same, on the further books",
        "next token is the best guess",
        "next token is among the best five",
        "different runs of 3 tokens",
        f"runs of {SPAN} tokens that are recited",
    ]
    table = _markdown(["measured", *columns], [[row, *(values[i] for values in columns.values())] for i, row in enumerate(rows)])
    return "\n\n".join([table, _heads(first.model), *_samples(first.model, samples)])


def _column(subject: Subject, windows: int) -> list[str]:
    model, data = subject.model, subject.data
    found = predict(model, data.held_out_ids, windows)
    also = f"{predict(model, data.held_out_also_ids, windows).bits_per_byte:.3f}" if len(data.held_out_also_ids) else ""
    writing = write(model, data.ids, tokens_each=120, seeds=(1, 2, 3))
    return [
        f"{found.loss:.3f}",
        f"{found.bits_per_byte:.3f}",
        also,
        f"{found.top_1:.1%}",
        f"{found.top_5:.1%}",
        f"{writing.distinct_3:.1%}",
        f"{writing.recited:.2%}",
    ]


def _floor(subject: Subject) -> list[str]:
    data, tokenizer = subject.data, subject.model.tokenizer
    ngrams = KneserNey(data.ids, subject.model.config.vocab_size)
    loss = ngrams.loss(data.held_out_ids)
    also = (
        f"{_bits_per_byte(ngrams.loss(data.held_out_also_ids), data.held_out_also_ids, tokenizer):.3f}"
        if len(data.held_out_also_ids)
        else ""
    )
    return [f"{loss:.3f}", f"{_bits_per_byte(loss, data.held_out_ids, tokenizer):.3f}", also, "", "", "", ""]


def _heads(model: LanguageModel) -> str:
    """For each kind of head that is looked for, the one that does most of it."""
    found = survey(model)
    rows = [
        [kind, *(str(n) for n in found.best(kind)[:2]), f"{found.best(kind)[2]:.1%}", f"{found.chance:.1%}"] for kind in KINDS
    ]
    return _markdown(["looks at", "layer", "head", "mean weight", "by chance"], rows)


def _samples(model: LanguageModel, count: int) -> Iterator[str]:
    """The first `count` openings, each with three seeds, at the app's default settings."""
    for opening in PROMPTS[:count]:
        for seed in (1, 2, 3):
            written = generate(model, opening, temperature=0.8, top_k=40, seed=seed, max_new_tokens=80)
            yield f"**{opening}** (seed {seed}) {model.tokenizer.decode([step.token_id for step in written])}"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _subject(model: str, prepared: Path) -> tuple[str, Subject]:
    loaded, data = gptcore.load(model), PreparedCorpus.from_folder(prepared)
    theirs = Tokenizer.from_folder(prepared)
    if theirs.vocabulary() != loaded.tokenizer.vocabulary():
        raise CorpusError(
            f"{prepared} was prepared with another vocabulary than that of {model}: prepare it with --vocabulary {model}."
        )
    return loaded.name, Subject(loaded, data)


def main() -> None:
    parser = argparse.ArgumentParser("python -m gptcore.training.evaluate", description=__doc__)
    parser.add_argument("--model", default="storyteller", help="a name or a model folder")
    parser.add_argument(
        "--prepared", type=Path, required=True, help="what gptcore.training.prepare wrote, in this model's vocabulary"
    )
    parser.add_argument(
        "--against", nargs=2, action="append", default=[], metavar=("MODEL", "PREPARED"), help="another model, for comparison"
    )
    parser.add_argument("--windows", type=int, default=256, help="of held-out text, evenly spaced")
    parser.add_argument(
        "--samples", type=int, default=0, help=f"how many of {len(PROMPTS)} prompts to continue, three times each"
    )
    parser.add_argument("--out", type=Path, help="file to write; without it the report is printed")
    arguments = parser.parse_args()
    try:
        pairs = [(arguments.model, arguments.prepared), *arguments.against]
        text = report(dict(_subject(model, Path(prepared)) for model, prepared in pairs), arguments.windows, arguments.samples)
    except GPTCoreError as error:
        sys.exit(str(error))
    if arguments.out:
        arguments.out.write_text(text + "\n", "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
