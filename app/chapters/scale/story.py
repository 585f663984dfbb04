"""What the beats of the page of GPT-2 and GPT-3 say, and what they offer to try."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app import choices, state
from app.beats import Question, Try
from app.chapters.scale import sections, training, views
from app.runtime import Here
from app.writing.numbers import counted, in_bytes, in_powers, in_words, significant
from gptcore import hardware, parameters
from gptcore.config import GPT2_SMALL, GPT3_175B

LARGE_CARD = 80  # GB


def says_sizes(_: Here) -> str:
    """How many times as large GPT-3 is, and by what."""
    times = parameters.count_parameters(GPT3_175B) / parameters.count_parameters(GPT2_SMALL)
    return (
        f"Almost only the size: GPT-3 has **{significant(times)} times** the parameters of GPT-2 small, with {GPT3_175B.n_layers} layers instead of "
        f"{GPT2_SMALL.n_layers} and a width of {GPT3_175B.emb_dim:,} instead of {GPT2_SMALL.emb_dim}. New is only that its layers alternate dense "
        "with banded sparse attention."
    )


def try_sizes(_: Here) -> Sequence[Try]:
    """Other quantities."""
    said = {
        "width": "Compare the width. How much wider?",
        "context": "Compare the context",
        "cache": "Compare the K/V cache of one token",
    }
    now = state.chosen(choices.SCALE_QUANTITY)
    return [Try(text, shown=((choices.SCALE_QUANTITY, name),)) for name, text in said.items() if name != now]


def says_memory(here: Here) -> str:
    """What GPT-3 and GPT-2 small need, and how many large cards hold it."""
    number, batch = str(state.chosen(choices.SCALE_NUMBER)), int(state.chosen(choices.SCALE_BATCH))
    frame = views.hardware(tuple(sections.models(here).values()), number, batch)
    totals = frame[frame.part == "total"].set_index(["model", "purpose"]).bytes
    names = {name: facts.title for name, facts in sections.models(here).items()}
    run, train = (float(totals[names["gpt3"], purpose]) for purpose in sections.PURPOSES)
    cards = [math.ceil(each / (LARGE_CARD * hardware.GIGABYTE)) for each in (run, train)]
    return (
        f"To run, GPT-3 needs **{in_bytes(run)}** in {number}, which is {counted(cards[0], 'card')} of {LARGE_CARD} GB; to train, "
        f"**{in_bytes(train)}**, which is {counted(cards[1], 'card')}. GPT-2 small runs in {in_bytes(float(totals[names['gpt2'], 'Running']))}."
    )


def try_memory(_: Here) -> Sequence[Try]:
    """Fewer bits, more sequences, another model."""
    tries = []
    number, batch, apart = (state.chosen(choice) for choice in (choices.SCALE_NUMBER, choices.SCALE_BATCH, choices.SCALE_APART))
    tries.append(
        Try("8-bit weights. How many cards does that save?", shown=((choices.SCALE_NUMBER, "int8"),))
        if number != "int8"
        else Try("16-bit weights again", shown=((choices.SCALE_NUMBER, "float16"),))
    )
    if batch != "16":
        tries.append(Try("16 sequences at once. What grows?", shown=((choices.SCALE_BATCH, "16"),)))
    if apart != "gpt3":
        tries.append(Try("Break down GPT-3. What takes the most?", shown=((choices.SCALE_APART, "gpt3"),)))
    return tries


def says_time(_: Here) -> str:
    """How long GPT-3's training takes at this speed."""
    flops = hardware.training_flops(parameters.count_parameters(GPT3_175B), sections.GPT3_TRAINING_TOKENS)
    speed = float(state.chosen(choices.TERAFLOPS)) * 1e12 * int(state.chosen(choices.CARDS))
    return (
        f"GPT-3 saw {in_words(sections.GPT3_TRAINING_TOKENS)} tokens, at 6 operations per parameter and token: {in_powers(flops)} in all. At "
        f"{significant(float(state.chosen(choices.TERAFLOPS)))} · 10¹² per second on {counted(int(state.chosen(choices.CARDS)), 'card')}, that "
        f"takes **{training.duration(hardware.gpu_years(flops, speed))}**."
    )


def try_time(_: Here) -> Sequence[Try]:
    """More cards, faster ones."""
    cards, tera = state.chosen(choices.CARDS), state.chosen(choices.TERAFLOPS)
    tries = [
        Try(f"{number:,} cards. How long then?", shown=((choices.CARDS, number),))
        for number in (1_000, 10_000)
        if number != cards
    ]
    if tera != 312.0:
        tries.append(Try("A card of 312 · 10¹² per second, an A100 of 2020", shown=((choices.TERAFLOPS, 312.0),)))
    return tries


QUESTIONS = (
    Question(
        "Could GPT-3 run on one graphics card?",
        lambda here: (
            f"Not with all its weights in memory: in 16 bits they alone take {in_bytes(parameters.weight_bytes(GPT3_175B, True, 'float16'))}, "
            f"and a large card holds {LARGE_CARD} GB."
        ),
    ),
    Question(
        "What is it that GPT-3's blocks do differently from GPT-2's?",
        lambda here: (
            f"Next to nothing. The formula that counts GPT-2's parameters gives {parameters.count_parameters(GPT3_175B):,} for GPT-3; the paper says "
            "174.6 billion."
        ),
    ),
)
