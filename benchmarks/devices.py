"""GPT-2 small's shapes on the processor and on each graphics card that torch finds: `python -m benchmarks.devices`.

The same random weights, in turns. Each figure ends when its numbers are on the processor, where a page draws them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from copy import deepcopy
from functools import partial

import torch

from benchmarks.core import in_turns, random_ids, timed
from benchmarks.interventions import WordNumbers
from benchmarks.table import HEADER, Row, line
from gptcore.config import GPT2_SMALL
from gptcore.devices import choose, devices, move
from gptcore.effects import head_effects
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel

WHAT: dict[str, Callable[[LanguageModel, int], object]] = {
    "trace of 128 tokens": lambda m, r: m.trace(random_ids(128, r + 10)).logits,
    "trace of 1,024 tokens": lambda m, r: m.trace(random_ids(1024, r + 10)).logits,
    "a step behind 128 tokens": lambda m, r: m.trace((*random_ids(128, 1), r)).logits,
    "attention of one layer, 128 tokens": lambda m, r: m.trace(random_ids(128, 1)).attention(r % 12),
    "lens of one position, all layers": lambda m, r: m.trace(random_ids(128, 1)).lens((r,)),
    "all heads' effect on the last of 16 tokens": lambda m, _: head_effects(m.trace(random_ids(16, 1))),
}


def rows(of: dict[str, LanguageModel], rounds: int) -> list[Row]:
    found = []
    for what, function in WHAT.items():
        for model in of.values():
            model.trace(random_ids(128, 1))  # what is asked about is there
        taken = in_turns(rounds, **{name: partial(_milliseconds, function, m) for name, m in of.items()})
        found += [
            Row(f"{what}, {name}", f"{ms:.1f} ms", ms / taken["cpu"], " of the processor's", None) for name, ms in taken.items()
        ]
    return found


def _milliseconds(function: Callable[[LanguageModel, int], object], model: LanguageModel, round_: int) -> float:
    return timed(lambda: function(model, round_))


def main() -> None:
    """Print every row; where torch finds no card, say so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="turns that each takes (default 9)")
    chosen, there = parser.parse_args(), devices()
    if len(there) == 1:
        print(f"torch {torch.__version__} finds no graphics card here: {there[0]}.")
        return
    torch.manual_seed(0)
    model = GPTModel(GPT2_SMALL)
    print(
        f"GPT-2 small, random weights, torch {torch.__version__}, {', '.join(map(str, there))}; medians of {chosen.rounds} rounds\n"
    )
    print(HEADER)
    of = {
        each.name: LanguageModel("gpt2-random", move(deepcopy(model), choose(each.name)), WordNumbers(GPT2_SMALL.vocab_size))
        for each in there
    }
    for row in rows(of, chosen.rounds):
        print(line(row), flush=True)


if __name__ == "__main__":
    main()
