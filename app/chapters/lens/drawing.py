"""What is drawn of the lens's columns: the grid's colours, cells, words and hovers, its table for a file, and a cell's reading."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from app.chapters.lens.views import TOP, Column
from app.components.lens_grid import GridCells
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import percent, significant
from app.writing.worked import entropy_terms, latex_number, latex_percent, worked


class Colouring(NamedTuple):
    """What the grid's colours stand for. label: on its button; title, unit: on the colour bar."""

    label: str
    title: str
    unit: str
    explained: str


COLOURINGS: dict[str, Colouring] = {
    "probability": Colouring(
        "Probability", "probability of the likeliest token", "%", "The stronger the colour, the higher the probability of the top token."
    ),
    "entropy": Colouring(
        "Entropy", "entropy", "bits",
        "The uncertainty of the whole distribution. The scale ends where every token is equally likely.",
    ),
    "rank": Colouring(
        "Rank", "rank of the final token", "",
        "Where the token that wins in the end stands at this depth; rank 1 is the first place.",
    ),
    "divergence": Colouring(
        "Divergence", "divergence from the final distribution", "bits",
        "Kullback-Leibler divergence: the bits lost by believing this depth instead of the last one. The last row is 0.",
    ),
}  # fmt: skip


def depth_names(n_layers: int) -> list[str]:
    """The places where the stream is read: before block 0, and after each block."""
    return ["embeddings", *(f"block {layer}" for layer in range(n_layers))]


def colour_values(found: Mapping[int, Column], positions: Sequence[int], depth: int, colouring: str) -> np.ndarray:
    """[depth, position] for the grid's colours; ranks as powers of ten, NaN for a column that is not there yet."""
    values = np.full((depth, len(positions)), np.nan)
    for i, position in enumerate(positions):
        if (column := found.get(position)) is not None:
            values[:, i] = {
                "probability": column.probs[:, 0],
                "entropy": column.entropy,
                "rank": np.log10(column.rank + 1),
                "divergence": column.divergence,
            }[colouring]
    return values


def scale_top(colouring: str, vocab_size: int) -> float:
    """The upper end of the colours: certain, or as uncertain as a blind guess, or the last rank."""
    return {"probability": 1.0, "rank": math.log10(vocab_size)}.get(colouring, math.log2(vocab_size))


def rank_ticks(vocab_size: int) -> dict[float, str]:
    """Colour bar of the ranks: 1, 10, 100, ..."""
    return {float(power): f"{10**power:,}" for power in range(int(math.log10(vocab_size)) + 1)}


def ticks(colouring: str, vocab_size: int) -> dict[float, str]:
    """Colour bar of any colouring: place -> text."""
    if colouring == "rank":
        return rank_ticks(vocab_size)
    if colouring == "probability":
        return {share / 4: f"{25 * share} %" for share in range(5)}
    return {float(bits): f"{bits} bits" if bits == 0 else str(bits) for bits in range(0, int(math.log2(vocab_size)) + 1, 3)}


def cells(here: Here, found: Mapping[int, Column], positions: Sequence[int]) -> GridCells:
    """The columns side by side, with gaps for those that are not there yet."""
    depth = here.config.n_layers + 1
    columns = [found.get(p) for p in positions]
    many = next((c.token_ids.shape[1] for c in columns if c is not None), TOP)

    def side_by_side(name: str, gap: float, shape: tuple[int, ...]) -> np.ndarray:
        return np.stack([np.full(shape, gap) if c is None else getattr(c, name) for c in columns], axis=1)

    ids = side_by_side("token_ids", 0, (depth, many)).astype(np.int64)
    target = np.array([-1 if c is None else c.target for c in columns])
    shown = {*np.unique(ids).tolist(), *(t for t in target.tolist() if t >= 0)}
    return GridCells(
        token_ids=ids,
        probs=side_by_side("probs", 0, (depth, many)),
        entropy=side_by_side("entropy", 0, (depth,)),
        divergence=side_by_side("divergence", 0, (depth,)),
        rank=side_by_side("rank", 0, (depth,)) + 1,
        target=target,
        settled=np.array([-1 if c is None else c.settled for c in columns]),
        texts={i: here.model.tokenizer.text_of(i) for i in sorted(shown)},
    )


def alt(cells: GridCells, row_names: Sequence[str], col_tokens: Sequence[str], value_title: str) -> str:
    """The grid in words, with its last row."""
    last = ", ".join(cells.texts[int(cells.token_ids[-1, i, 0])] for i in range(len(col_tokens)) if cells.target[i] >= 0)
    return (
        f"Grid of {len(row_names)} depths, from {row_names[0]} to {row_names[-1]}, by {len(col_tokens)} tokens. Each cell names the "
        f"likeliest next token; its colour is the {value_title}. Arrow keys move, Enter chooses. The last row reads: {last}."
    )


def after(depth: int) -> str:
    """A depth in a sentence."""
    return f"after block {depth - 1}" if depth else "before block 0"


def reading(column: Column, depth: int, colouring: str) -> str:
    """What the colour of a cell stands for, as LaTeX with its numbers."""
    final, rank = float(column.target_prob[depth]), int(column.rank[depth])
    likeliest = [float(prob) for prob in column.probs[depth, :2]]
    return {
        "probability": rf"\begin{{aligned}} \max_t\, p_t &= \max({', '.join(map(latex_percent, likeliest))}, \dots) \\[0.5em] "
        rf"&= {latex_percent(likeliest[0])} \end{{aligned}}",
        "entropy": _entropy(float(column.entropy[depth]), column.probs[depth].tolist()),
        "rank": rf"\begin{{aligned}} p_{{\text{{final}}}} &= {latex_percent(final)} \\[0.5em] "
        rf"\text{{rank}} &= 1 + \#\{{t : p_t > p_{{\text{{final}}}}\}} = 1 + {rank} \end{{aligned}}",
        "divergence": rf"\begin{{aligned}} D &= \textstyle\sum_t q_t \log_2 (q_t / p_t) \\[0.5em] "
        rf"&= {latex_number(float(column.target_prob[-1]))} \log_2 \tfrac{{{latex_number(float(column.target_prob[-1]))}}}"
        rf"{{{latex_number(final)}}} + \cdots \\[0.5em] &= {latex_number(float(column.divergence[depth]))}\text{{ bits}} \end{{aligned}}",
    }[colouring]


def _entropy(entropy: float, likeliest: Sequence[float]) -> str:
    """With the terms of the two likeliest tokens."""
    terms, _ = entropy_terms(likeliest, entropy)
    choices = worked(lambda bits: 2**bits, [entropy], 2**entropy)
    return (
        r"\begin{aligned} H &= -\textstyle\sum_t p_t \log_2 p_t \\[0.5em] "
        rf"&= {terms} \\[0.5em] &= {choices.inputs[0]}\text{{ bits}} \\[0.5em] "
        rf"2^H &= 2^{{{choices.inputs[0]}}} {choices.out}\text{{ choices}} \end{{aligned}}"
    )


def facts(here: Here, found: Mapping[int, Column], positions: Sequence[int]) -> list[list[list[str]]]:
    """[depth][position] -> the lines of a cell's hover: where, the ten likeliest, the other measures."""
    names, tokenizer = depth_names(here.config.n_layers), here.model.tokenizer
    rows: list[list[list[str]]] = [[] for _ in names]
    for position in positions:
        column = found.get(position)
        for depth, name in enumerate(names):
            if column is None:
                rows[depth].append(["still being computed"])
                continue
            best = [
                f"{i + 1}  {tokenizer.text_of(int(token))}  {percent(float(prob))}"
                for i, (token, prob) in enumerate(zip(column.token_ids[depth], column.probs[depth], strict=True))
            ]
            rows[depth].append(
                [
                    f"{name}, after {markup.quoted(here.tokens[position])} (position {position})",
                    *best,
                    f"entropy {significant(float(column.entropy[depth]))} bits, "
                    f"divergence {significant(float(column.divergence[depth]))} bits",
                    f"rank of {tokenizer.text_of(column.target)}, the final prediction: {int(column.rank[depth]) + 1:,}",
                ]
            )
    return rows


def texts(here: Here, found: Mapping[int, Column], positions: Sequence[int]) -> list[list[str]]:
    """[depth][position] -> the likeliest token, "" where the column is not there yet."""
    text_of = here.model.tokenizer.text_of
    return [
        [text_of(int(found[p].token_ids[depth, 0])) if p in found else "" for p in positions]
        for depth in range(here.config.n_layers + 1)
    ]


def table(here: Here, found: Mapping[int, Column]) -> pd.DataFrame:
    """One line a cell: position, token, depth, read_after, best_id, best, probability, entropy, final_id, final, final_rank
    (1 is the first place), final_probability, divergence, settled_depth."""
    text_of, names = here.model.tokenizer.text_of, depth_names(here.config.n_layers)
    lines = []
    for position in sorted(found):
        column = found[position]
        for depth, name in enumerate(names):
            best = int(column.token_ids[depth, 0])
            lines.append(
                {
                    "position": position,
                    "token": here.tokens[position],
                    "depth": depth,
                    "read_after": name,
                    "best_id": best,
                    "best": text_of(best),
                    "probability": float(column.probs[depth, 0]),
                    "entropy": float(column.entropy[depth]),
                    "final_id": column.target,
                    "final": text_of(column.target),
                    "final_rank": int(column.rank[depth]) + 1,
                    "final_probability": float(column.target_prob[depth]),
                    "divergence": float(column.divergence[depth]),
                    "settled_depth": column.settled,
                }
            )
    return pd.DataFrame(lines)
