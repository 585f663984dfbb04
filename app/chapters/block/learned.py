"""The beat about where a block's numbers come from: training, with what is known of the model in view."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from app import counting, model_card, runtime, state, ui
from app.beats import Try
from app.charts import curves, grouped_bars
from app.model_card import card
from app.runtime import Here
from app.writing.numbers import counted, fixed, in_words
from app.writing.worked import latex_number
from gptcore.model import GPTModel
from gptcore.parameters import count_parameters

BETTER = 0.9  # of a uniform guess's bits: below it, the numbers were learned


def _is_embedded(here: Here) -> bool:
    return here.view.model == state.DEFAULT_MODEL


def bits_here(here: Here) -> float | None:
    """Mean surprise at the tokens after the first, in bits; None where there is none."""
    probabilities = runtime.token_probabilities(here.run)
    given = np.asarray(probabilities, dtype=np.float64)
    return float(-np.log2(np.maximum(given, 1e-300)).mean()) if len(given) else None


def _blind(here: Here) -> float:
    return float(np.log2(here.config.vocab_size))


def learned(here: Here) -> None:
    """This text's bits against a blind guess; and how the embedded model's loss fell."""
    bits = bits_here(here)
    bars = {"uniform guess": _blind(here)} | ({"this model": bits} if bits is not None else {})
    figure = grouped_bars(
        {"surprise": list(bars.values())}, labels=list(bars), label_title="how the next token is guessed",
        title="Mean surprise at the tokens of this text", value_title="surprise per token", unit="bits", row_height=44, mode=ui.mode(),
    )  # fmt: skip
    ui.chart(figure, name="learned-numbers", data=pd.DataFrame({"guess": list(bars), "bits_per_token": list(bars.values())}))
    if _is_embedded(here):
        losses = card().losses
        in_bits = [nats / math.log(2) for nats in losses.values()]
        figure = curves(
            {"held-out loss": in_bits}, list(losses), title="How the surprise at books that were kept apart fell",
            x_title="minutes of training", value_title="surprise per token", unit="bits", mode=ui.mode(),
        )  # fmt: skip
        data = pd.DataFrame({"minutes": list(losses), "bits_per_token": in_bits, "nats_per_token": list(losses.values())})
        ui.chart(figure, name="training-loss", data=data)
        ui.note(
            f"As published with the model, which has it in nats (1 nat is {fixed(1 / math.log(2), 2)} bits). It "
            "was still falling at the end, while each step changed the numbers less and less: what was "
            "learned of the books that it trained on holds for books that it had never seen."
        )


def says_learned(here: Here) -> str:
    """How many numbers, how they came to be, and what they are worth on this text."""
    n, bits, blind = count_parameters(here.config, here.model.tied), bits_here(here), _blind(here)
    began = f"Nobody wrote these **{in_words(n)}** numbers down. They begin at random, and training changes them step by step"
    if _is_embedded(here):
        facts = card()
        began += (
            f": here over {fixed(facts.tokens, 1)} million tokens of old children's books, in {fixed(facts.minutes, 1)} minutes on "
            f"{facts.machine}."
        )
    else:
        began += ", so that the next token of many texts becomes less of a surprise."
    if bits is None:
        return f"{began} With one token there is no prediction to measure."
    if bits < BETTER * blind:
        return (
            f"{began} On this text they need **{fixed(bits, 1)}** bits per token, where a uniform guess needs {fixed(blind, 1)}."
        )
    return (
        f"{began} On this text they need **{fixed(bits, 1)}** bits per token and a uniform guess {fixed(blind, 1)}: for this text they are "
        "worth next to nothing, as before training."
    )


def try_learned(here: Here) -> Sequence[Try]:
    """Where training can be watched, and where the numbers are."""
    return (
        Try("Watch a small model learn, step by step", page="learning"),
        Try("In which parts are these numbers?", page="parameters"),
    )


def maths(here: Here) -> None:
    """The mean surprise as a formula."""
    bits = bits_here(here)
    if bits is None:
        ui.note("With one token there is nothing to average.")
        return
    n = len(here.ids) - 1
    ui.formula(rf"-\frac{{1}}{{{n}}} \sum_{{i=1}}^{{{n}}} \log_2 p_i = {latex_number(bits)}\text{{ bits}}")
    ui.note(f"p is the probability that the model gave to each of {counted(n, 'token')} before seeing it.")


def checks(here: Here) -> None:
    """That the numbers counted are those loaded, and the code."""
    ui.self_check(counting.numbers_counted(here))
    ui.source(GPTModel)
    if _is_embedded(here):
        model_card.offer()
