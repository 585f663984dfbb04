"""The part on what the toy knows: how surprised it is by its own text and by one that it never saw, and whether it copies."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, state, ui
from app.chapters.learning import story, views
from app.charts import line_over_layers
from app.components.token_text import TextChip, token_text
from app.runtime import Here
from app.writing.numbers import fixed, percent
from gptcore.recorded_run import Checkpoint, RecordedRun
from gptcore.resemblance import around, longest_common_run
from gptcore.surprise import Surprise

SHOWN = 240  # characters of a text that is coloured
AROUND = 60  # characters of the training text on both sides of a run


def copies(_: Here) -> None:
    """One checkpoint: what it wrote, what that resembles, and two texts coloured by its surprise."""
    run = views.recorded_run()
    everyone = list(range(len(run.checkpoints)))
    st.select_slider(
        "Step of the toy's training",
        everyone,
        format_func=lambda each: f"{run.checkpoints[each].step:,}",
        **state.choice(choices.LEARNING_AT, among=everyone),
    )
    at = views.at_in_focus()
    _resemblance(run, run.checkpoints[at])
    _over_the_steps(run)
    _two_texts(run, at)


def checks(_: Here) -> None:
    """The code that looks for the longest run."""
    ui.source(longest_common_run)


def _resemblance(run: RecordedRun, checkpoint: Checkpoint) -> None:
    """What it wrote, beside the passage of its text that has most in common with it."""
    start, at, length = checkpoint.copied
    sample, text = checkpoint.sample, run.training_text
    before, after = around(text, checkpoint.copied, AROUND)
    left, right = st.columns(2, gap="large")
    with left:
        ui.passage("What it wrote", run.prompt + sample[:start], sample[start : start + length], sample[start + length :])
    with right:
        ui.passage("The passage of its text most like it", before, text[at : at + length], after)


def _over_the_steps(run: RecordedRun) -> None:
    """The longest run of every checkpoint's sample."""
    lengths = [c.copied.length for c in run.checkpoints]
    steps = [f"{c.step:,}" for c in run.checkpoints]
    figure = line_over_layers(
        {"what it wrote": lengths, "text that nobody copied": np.full(len(lengths), run.usual_run)},
        title="The longest run that stands in its training text",
        value_title="length",
        unit="characters",
        stages=("probability", "reference"),
        layer_names=steps,
        layer_title="step of its training",
        from_zero=True,
        mode=ui.mode(),
    )
    ui.chart(figure, name="longest-run", data=pd.DataFrame({"step": [c.step for c in run.checkpoints], "longest_run": lengths}))


def _two_texts(run: RecordedRun, at: int) -> None:
    """The beginnings of its own text and of the one it never saw, coloured by its surprise."""
    st.header("How surprised is it?")
    checkpoint = run.checkpoints[at]
    ui.note(story.gap(run, checkpoint))
    for held_out, name in ((False, "Its training text"), (True, "Text it never saw")):
        judged = views.judged(at, held_out, SHOWN + 1)
        st.markdown(f"**{name}**")
        token_text(
            chips(run, judged),
            key=f"surprise_{'held_out' if held_out else 'own'}",
            label=f"{name}, coloured by surprise",
            hint="Point at a character.",
            legend=("expected", "as a guess among all"),
        )
        mean = views.nats(float(judged.bits.mean()))
        ui.note(f"These {len(judged.ids)} characters: {fixed(mean, 2)} nats per character.")


def chips(run: RecordedRun, judged: Surprise) -> list[TextChip]:
    """A chip per character, those of a word close together."""
    made, word, uniform = [], 0, math.log2(run.config.vocab_size)  # bits: the end of the shades
    for token_id, cost, likeliest, share in zip(
        judged.ids, judged.bits.tolist(), judged.expected[:, 0].tolist(), judged.expected_probs[:, 0].tolist(), strict=True
    ):
        text = run.tokenizer.text_of(token_id)
        if run.tokenizer.decode([token_id]).isspace():
            word += 1
        said = f": {fixed(views.nats(cost), 2)} nats (probability {percent(2.0**-cost)}); most expected was "
        facts = [("", text, said, run.tokenizer.text_of(likeliest), f" ({percent(share)})")]
        made.append(TextChip(text, word, facts, shade=round(min(1.0, cost / uniform), 3)))
    return made
