"""Interventions against their budgets: `python -m benchmarks.interventions`. Times are medians in milliseconds.

Parts off, boards and maps, with the embedded model and with GPT-2 small's shapes (random weights: the arithmetic is the same).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

import gptcore
from benchmarks import core
from benchmarks.core import in_turns, random_ids, timed
from benchmarks.table import HEADER, Row, line
from gptcore.attribution import logit_attribution
from gptcore.config import GPT2_SMALL
from gptcore.effects import head_effects, part_effects
from gptcore.input_effects import token_effects
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel
from gptcore.patching import LogitDifference, patch_heads, patch_map
from gptcore.run import Ablation
from gptcore.store import TraceStore
from gptcore.tokenizer import Tokenizer

N_TOKENS = 16


class WordNumbers(Tokenizer):
    """A vocabulary for random weights: every word of a text is some token."""

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size, self.start_ids, self.end_ids, self.prefix_space, self.added_words = vocab_size, (), (), False, {}

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(sum(word.encode()) * 7919 % self.vocab_size for word in text.split())

    def bytes_of(self, token_id: int) -> bytes:
        return token_id.to_bytes(4, "big")


def rows(
    title: str, model: LanguageModel, ids: tuple[int, ...], other: tuple[int, ...], rounds: int, most: Sequence[float]
) -> list[Row]:
    """most: budgets for this token, a map, switching one head, attribution, replacing."""
    trace, source = model.trace(ids), model.trace(other)
    metric = LogitDifference(int(source.logits.argmax()), int(trace.logits.argmax()))
    middle = model.config.n_layers // 2

    def toggled(round_: int) -> float:
        ablation = Ablation(frozenset({(middle, round_ % model.config.n_heads)}))
        fresh = replace(model, store=TraceStore.for_config(model.config))
        fresh.trace(ids).logits.any()
        return timed(lambda: fresh.trace(ids, ablation).logits)

    head_effects(trace)  # the usual outputs, once per model
    views: dict[str, tuple[Callable[[int], float], float | None]] = {
        "switch one head of the middle layer": (toggled, most[0]),
        "all heads, this token": (lambda _: timed(lambda: head_effects(trace)), most[1]),
        "all parts, this token": (lambda _: timed(lambda: part_effects(trace)), most[1]),
        "the last layer's heads, everywhere": (
            lambda _: timed(lambda: head_effects(trace, scope="everywhere", layers=(model.config.n_layers - 1,))),
            most[1],
        ),
        "all heads, everywhere": (lambda _: timed(lambda: head_effects(trace, scope="everywhere")), None),
        "patch map from the second token on": (lambda _: timed(lambda: patch_map(trace, source, metric)), most[2]),
        "all heads patched": (lambda _: timed(lambda: patch_heads(trace, source, metric)), None),
        "direct logit attribution": (lambda _: timed(lambda: logit_attribution(trace, 3, 4)), most[3]),
        "each token replaced by 8 others": (lambda _: timed(lambda: token_effects(trace)), most[4]),
    }
    found = in_turns(rounds, **{name: view for name, (view, _) in views.items()})
    return [Row(f"{title}: {name}", f"{found[name]:.1f} ms", found[name], " ms", limit) for name, (_, limit) in views.items()]


def main() -> None:
    """Print every row as soon as its model is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="turns that each takes (default 5)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads of torch (default: all cores)")
    parser.add_argument("--busy", action="store_true", help="for a machine that does other work: one thread, and processor time")
    chosen = parser.parse_args()
    if chosen.busy:
        core.use_processor_time()
        chosen.threads = 1
    torch.set_num_threads(chosen.threads)
    print(f"{N_TOKENS} tokens, {chosen.threads} threads, torch {torch.__version__}; median of {chosen.rounds} rounds\n")
    print(HEADER)
    story = gptcore.load("storyteller")
    ids, other = (
        story.tokenizer.encode(f"The {who} was very old, and all the people of the town came to see")[:N_TOKENS]
        for who in ("king", "wolf")
    )
    for row in rows("storyteller", story, ids, other, chosen.rounds, (30, 25, 150, 5, 150)):
        print(line(row), flush=True)
    torch.manual_seed(0)
    small = LanguageModel("gpt2-random", GPTModel(GPT2_SMALL), WordNumbers(GPT2_SMALL.vocab_size))
    ids = random_ids(N_TOKENS, 1)
    for row in rows("GPT-2 small's shapes", small, ids, gptcore.what_if(ids, 1, 7), chosen.rounds, (120, 350, 1000, 20, 2500)):
        print(line(row), flush=True)


if __name__ == "__main__":
    main()
