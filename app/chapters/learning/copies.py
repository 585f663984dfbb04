"""The part on what the toy knows: how surprised it is by its own text and by one that it never saw, and whether it copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, state, ui
from app.chapters.learning import views
from app.charts import line_over_layers
from app.components.token_text import TextChip, token_text
from app.runtime import Here
from app.writing.numbers import fixed, percent
from gptcore.recorded_run import Checkpoint, RecordedRun
from gptcore.resemblance import longest_common_run, new_words
from gptcore.surprise import Surprise

SHOWN = 240  # characters of a text that is coloured
AROUND = 60  # characters of the training text on both sides of a run
_FULL = 6.27  # bits: a guess among 77 characters, the end of the shades


def copies(_: Here) -> None:
    """One checkpoint: what it wrote, what that resembles, and two texts coloured by its surprise."""
    run = views.recorded_run()
    last = len(run.checkpoints) - 1
    at = int(
        st.select_slider(
            "Step of its training",
            list(range(last + 1)),
            format_func=lambda each: f"{run.checkpoints[each].step:,}",
            **state.choice(choices.LEARNING_AT, among=list(range(last + 1))),
        )
    )
    checkpoint = run.checkpoints[at]
    _resemblance(run, checkpoint)
    _over_the_steps(run)
    _two_texts(run, at)
    ui.source(longest_common_run)


def _resemblance(run: RecordedRun, checkpoint: Checkpoint) -> None:
    """What it wrote, beside the passage of its text that has most in common with it."""
    st.subheader("Does it copy, or make up?")
    start, at, length = checkpoint.copied
    sample, text = checkpoint.sample, run.training_text
    left, right = st.columns(2, gap="large")
    with left:
        ui.passage("What it wrote", run.prompt + sample[:start], sample[start : start + length], sample[start + length :])
    with right:
        around = max(0, at - AROUND)
        ui.passage(
            "The passage of its text most like it",
            text[around:at],
            text[at : at + length],
            text[at + length : at + length + AROUND],
        )
    ui.note(verdict(length, run.usual_run, len(sample), new_words(sample, text)))


def verdict(length: int, usual: float, size: int, words: Sequence[str]) -> str:
    """Whether a sample was copied, from its longest run and what others share."""
    known = (
        f"The longest run that both have is {length} characters. Pieces of the held-out text as long as this sample ({size} characters), "
        f"which nobody copied, share {fixed(usual, 0)} with it (median)"
    )
    if length > 2 * usual:
        said = f"{known}: it has this passage by heart."
    elif length > usual:
        said = f"{known}: a little more than chance, so it may have learned a phrase."
    else:
        said = f"{known}: it copied nothing. It makes its words up from what it learned about letters."
    made_up = (
        f" Words that its text has nowhere: {', '.join(words[:12])}."
        if words
        else " Every word of it stands somewhere in its text."
    )
    return said + made_up


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
    st.subheader("How surprised is it?")
    checkpoint = run.checkpoints[at]
    ui.note(gap(checkpoint))
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
    made, word = [], 0
    for token_id, cost, likeliest, share in zip(
        judged.ids, judged.bits.tolist(), judged.expected[:, 0].tolist(), judged.expected_probs[:, 0].tolist(), strict=True
    ):
        text = run.tokenizer.text_of(token_id)
        if run.tokenizer.decode([token_id]).isspace():
            word += 1
        said = f": {fixed(views.nats(cost), 2)} nats (probability {percent(2.0**-cost)}); most expected was "
        facts = [("", text, said, run.tokenizer.text_of(likeliest), f" ({percent(share)})")]
        made.append(TextChip(text, word, facts, shade=round(min(1.0, cost / _FULL), 3)))
    return made


def gap(checkpoint: Checkpoint) -> str:
    """What the two losses say of it."""
    own, other = checkpoint.training_loss, checkpoint.held_out_loss
    said = (
        f"Over 200 windows of each: {fixed(own, 2)} nats per character on its own text, {fixed(other, 2)} on text it never saw."
    )
    if other - own < 0.05:
        return f"{said} The two hardly differ: what it has learned holds for both."
    return f"{said} The difference of {fixed(other - own, 2)} is what holds for its own text only."
