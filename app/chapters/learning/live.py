"""The parts on trainings that run while they are watched: a text of one's own or the book, and the lesson on overfitting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from app import choices, state, ui
from app.chapters.learning import lesson, views
from app.charts import line_over_layers
from app.components.live_run import live_run
from app.live.slot import GONE, MEASURED, SLOT, SPEEDS, WORDS
from app.runtime import Here
from app.visitors import visitor
from app.writing import markup
from app.writing.numbers import fixed, in_words, significant
from gptcore.characters import plain_text
from gptcore.training.live import Watched
from gptcore.training.loop import TrainingRun

SECONDS, LESSON_SECONDS = 60.0, 30.0
LEAST = 400  # characters of a text that is trained on
HELD_OUT = 0.1  # share of a text of one's own, at its end


def live(_: Here) -> None:
    """A training on the book or a text of one's own."""
    run = views.recorded_run()
    own = (
        st.segmented_control(
            "Train on",
            ["book", "own"],
            format_func={"book": "Moby-Dick, the text of the recorded run", "own": "Your own text"}.__getitem__,
            required=True,
            **state.choice(choices.LIVE_SOURCE),
        )
        == "own"
    )
    text, held_out, title = run.training_text, run.held_out_text, "Moby-Dick"
    if own:
        text, held_out, title = _own_text()
    _controls(title, text, held_out, run.prompt if not own else text[:8], SECONDS)
    _draw("What the text costs it, while it learns", "live-training")


def _own_text() -> tuple[str, str, str]:
    """The text of one's own as it can be learned, what is held out of it, and its name."""
    given = st.text_area(
        f"Your text, {LEAST:,} to {state.MAX_PROMPT_CHARACTERS:,} characters",
        height=150,
        max_chars=state.MAX_PROMPT_CHARACTERS,
        help="Press Ctrl and Enter, or leave the field, to take a new text.",
        **state.choice(choices.LIVE_TEXT),
    )
    text = plain_text(str(given or ""))
    ui.note(told(str(given or ""), text))
    split = int(len(text) * (1 - HELD_OUT))
    return text[:split], text[split:], "your text" if text else "no text yet"


def told(given: str, plain: str) -> str:
    """What becomes of a text of one's own."""
    if not given:
        return "Paste a text: a few pages are enough to see it learn, and too few for it to learn more than these pages."
    left_out = sum(not sign.isascii() for sign in given)
    changed = (
        f" {left_out:,} characters outside ASCII were replaced or left out: the toy knows single ASCII characters."
        if left_out
        else ""
    )
    return f"It is trained on the first {int(len(plain) * (1 - HELD_OUT)):,} characters; the rest is held out.{changed}"


def _controls(title: str, text: str, held_out: str, prompt: str, seconds: float) -> None:
    """Dropout, learning rate, and the button that starts."""
    left, middle, right = st.columns([2, 2, 1], gap="large", vertical_alignment="bottom")
    dropout = left.select_slider(
        "Dropout",
        choices.LIVE_DROPOUT.options,
        format_func=lambda rate: f"{significant(100 * float(rate))} %",
        help="The share of numbers that are set to 0 at random at every step.",
        **state.choice(choices.LIVE_DROPOUT),
    )
    rate = middle.select_slider(
        "Learning rate",
        choices.LIVE_RATE.options,
        format_func=lambda times: f"{times} × the usual",
        help="How far each step goes.",
        **state.choice(choices.LIVE_RATE),
    )
    me = SLOT.number_of(visitor().key)
    said = f"{title}, dropout {significant(100 * float(dropout))} %, learning rate {rate} ×"

    def start() -> None:
        if len(text) < LEAST or len(held_out) < 2:
            state.notify(
                f"The text has {len(text) + len(held_out):,} characters; at least {LEAST:,} are needed. Paste a longer one."
            )
            return
        wanted = {"text": text, "held_out": held_out, "prompt": prompt, "seconds": seconds}
        if not SLOT.ask(me, said, {**wanted, "drop_rate": float(dropout), "learning_rate": float(rate)}):
            state.notify("Too many are waiting for a training. Watch the one that runs, and try again in a minute.")

    right.button(f"Train for {fixed(seconds, 0)} s", type="primary", on_click=state.guarded(start), use_container_width=True)


def _draw(title: str, name: str) -> None:
    """What runs on this server now."""
    me = SLOT.number_of(visitor().key)

    def press(word: str) -> None:
        if word in WORDS:
            SLOT.say(me, word)
        else:
            SLOT.leave(me)

    ui.figure_menu(name, _losses)
    live_run(
        key="live_run",
        visitor=me,
        title=title,
        name=name,
        others=[],
        speeds=SPEEDS,
        mode=ui.mode(),
        on_press=press,
        on_speed=lambda speed: SLOT.speed(me, speed),
    )
    ui.note(
        "One training runs on this server at a time, with the lowest priority, on one core; it stands still while anybody waits for the model. "
        "Its seconds are those of the processor: where others work too, they take longer. Everybody sees the same one. It ends when it is stopped, "
        f"and {fixed(GONE, 0)} seconds after you leave this page; nothing of it is kept."
    )


def _losses() -> pd.DataFrame:
    """A line per checkpoint, none before there is one."""
    return pd.DataFrame(SLOT.measured(), columns=MEASURED)


def overfit(_: Here) -> None:
    """Too little text: what was measured, then the same, run here."""
    runs = lesson.measured_runs()
    figure = line_over_layers(
        {lesson.name(run): run["held_out"] for run in runs},
        title=f"Loss on held-out text while {lesson.characters():,} characters are learned by heart",
        value_title="loss",
        unit="nats",
        stages=("probability", "attention", "feed_forward", "layer_norm", "embeddings"),
        layer_names=[f"{step:,}" for step in runs[0]["steps"]],
        layer_title="step of the training",
        mode=ui.mode(),
    )
    ui.chart(figure, name="overfitting", data=lambda: lesson.table(runs))
    left, right = st.columns(2, gap="large")
    with left:
        ui.table(["Setting", "Lowest", "at step", "At the end", "On its text"], rows(runs), numeric=(1, 2, 3, 4))
    with right:
        ui.note(lesson.controls_finding(runs))
    st.header("Run it here")
    text, held_out = lesson.texts()
    _controls(f"{in_words(len(text))} characters", text, held_out, views.recorded_run().prompt, LESSON_SECONDS)
    _draw("What 4,000 characters cost it, and what others cost", "overfitting-live")


def checks(_: Here) -> None:
    """The code of a training that is watched."""
    ui.source(Watched.run, TrainingRun.run)


def rows(runs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """A line per setting: where the loss on held-out text was lowest, and both losses at the end."""
    return [
        [
            markup.wrapping(markup.escape_html(lesson.name(run))),
            fixed(min(run["held_out"]), 2),
            f"{lesson.lowest_at(run):,}",
            fixed(run["held_out"][-1], 2),
            fixed(run["training"][-1], 2),
        ]
        for run in runs
    ]
