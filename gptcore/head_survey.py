"""What single attention heads do on a text that says the same thing twice: which look back one token, which find the same token again,
and which find what came after it (induction).

The text is made of tokens spread evenly over the vocabulary, each once, and then all of them again: so nothing but the repetition
tells what comes next. (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Olsson et al. 2022, "In-context
Learning and Induction Heads", https://arxiv.org/abs/2209.11895, whose prefix-matching score `induction` is.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gptcore.errors import SequenceLengthError
from gptcore.language_model import LanguageModel

LENGTH = 32  # different tokens, then the same again
KINDS = ("previous", "same", "induction", "first")  # in the order in which a text makes use of them; the sink last


@dataclass(frozen=True, eq=False)
class HeadSurvey:
    """Mean attention weight over the queries of the second half, for every head.

    previous: on the token just before; same: on the same token in the first half; induction: on the token that followed it there;
    first: on the first token, whatever it is. chance: what one key would get if a query read all of its keys alike.
    """

    previous: Float[np.ndarray, "n_layers n_heads"]
    same: Float[np.ndarray, "n_layers n_heads"]
    induction: Float[np.ndarray, "n_layers n_heads"]
    first: Float[np.ndarray, "n_layers n_heads"]
    chance: float

    def best(self, kind: str) -> tuple[int, int, float]:
        """(layer, head, mean weight) of the head that does most of one kind."""
        scores: np.ndarray = getattr(self, kind)
        layer, head = divmod(int(scores.argmax()), scores.shape[1])
        return layer, head, float(scores[layer, head])


def repeated_ids(model: LanguageModel, offset: int = 0) -> tuple[int, ...]:
    """Different tokens, evenly spread over the vocabulary, and the same again. offset: take their neighbours instead.

    Raises SequenceLengthError if the model's context is too short for two tokens twice.
    """
    vocab_size, context = model.config.vocab_size, model.config.context_length
    length = min(LENGTH, context // 2, vocab_size)
    if length < 2:
        raise SequenceLengthError(f"A repeated text needs at least 4 positions; this model's context length is {context}.")
    half = tuple((i * vocab_size // length + offset) % vocab_size for i in range(length))
    return half + half


def survey(model: LanguageModel, texts: int = 1) -> HeadSurvey:
    """Look at every head. texts: how many different repeated texts the means are taken over. Some 0.1 s a text for GPT-2 small."""
    previous, same, induction, first = np.mean([_of_text(model, repeated_ids(model, offset)) for offset in range(texts)], axis=0)
    length = len(repeated_ids(model)) // 2
    chance = float((1 / (np.arange(length, 2 * length) + 1)).mean())
    return HeadSurvey(previous, same, induction, first, chance)


def _of_text(model: LanguageModel, ids: tuple[int, ...]) -> np.ndarray:
    """[kind, layer, head] in the order of KINDS."""
    length = len(ids) // 2
    queries = np.arange(length, 2 * length)
    keys = {"previous": queries - 1, "same": queries - length, "induction": queries - length + 1, "first": np.zeros_like(queries)}
    trace, rows = model.trace(ids), np.arange(length)
    scores = [
        [trace.attention(layer, queries.tolist()).pattern[:, rows, keys[kind]].mean(-1) for layer in range(trace.config.n_layers)]
        for kind in KINDS
    ]
    return np.array(scores)
