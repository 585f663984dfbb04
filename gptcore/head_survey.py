"""What single attention heads do on a sentence that is said twice: which look back one token, which find the same token again, and
which find what came after it (induction).

(Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Olsson et al. 2022, "In-context Learning and Induction
Heads", https://arxiv.org/abs/2209.11895, section "prefix matching", which `induction` measures, here on sentences.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gptcore.errors import SequenceLengthError
from gptcore.language_model import LanguageModel

KINDS = ("previous", "same", "induction", "first")  # the sink last
# Said twice each. Few words occur in one of them more than once: where they do, "the same token" would mean two places.
SENTENCES = (
    " One cold morning a small grey mouse ran over that hill to its old mill, while three black birds sang by my garden wall.",
    " Tom saw the red fox near a deep well, and Anne heard some white owl in her quiet wood before they went home again.",
    " When summer came, every child of this town took bread with honey down to our river and played there until it was dark.",
)


@dataclass(frozen=True, eq=False)
class HeadSurvey:
    """Mean attention weight over the queries of the second half whose token stands in each half once, for every head.

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


def repeated_ids(model: LanguageModel, sentence: str = SENTENCES[0]) -> tuple[int, ...]:
    """The sentence twice, each half cut to half of the context where it is longer.

    Raises SequenceLengthError if the model's context is too short for two tokens twice.
    """
    half = model.tokenizer.encode_text(sentence)[: model.config.context_length // 2]
    if len(half) < 2:
        raise SequenceLengthError(
            f"A repeated text needs at least 4 positions; this model's context length is {model.config.context_length}."
        )
    return half + half


def survey(model: LanguageModel) -> HeadSurvey:
    """Look at every head, on three sentences; about 0.3 s for GPT-2 small."""
    found = [_of_text(model, repeated_ids(model, sentence)) for sentence in SENTENCES]
    previous, same, induction, first = np.concatenate([scores for scores, _ in found], axis=-1).mean(-1)
    queries = np.concatenate([asked for _, asked in found])
    return HeadSurvey(previous, same, induction, first, chance=float((1 / (queries + 1)).mean()))


def _of_text(model: LanguageModel, ids: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Weights [kind, layer, head, query] in the order of KINDS, and the positions of the queries."""
    length = len(ids) // 2
    queries = np.array([length + i for i in range(length) if ids[:length].count(ids[i]) == 1])
    keys = {"previous": queries - 1, "same": queries - length, "induction": queries - length + 1, "first": np.zeros_like(queries)}
    trace, rows = model.trace(ids), np.arange(len(queries))
    patterns = [trace.attention(layer, queries.tolist()).pattern for layer in range(trace.config.n_layers)]
    return np.array([[pattern[:, rows, keys[kind]] for pattern in patterns] for kind in KINDS]), queries
