"""The part on one step of training: the loss of one prediction of the text in view, then one weight of the toy that is moved against
its gradient."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, runtime, state, ui
from app.chapters.learning import views
from app.charts import VerticalLine, curves
from app.runtime import Here
from app.writing.numbers import fixed, percent, significant
from app.writing.worked import as_one, bracketed, latex_number, worked
from gptcore.training.one_weight import weight_step


def one_step(here: Here) -> None:
    """The loss, and one step against it."""
    loss_of_prediction(here)
    at, letter = _controls()
    move_one_weight(at, letter)


def loss_of_prediction(here: Here) -> None:
    """What the model in view lost at the token in focus."""
    st.subheader("What is a loss?")
    if not here.position:
        ui.note(
            "The first token is predicted by nothing. Click a later one in the text above, or choose the next token, to see its loss."
        )
        return
    probability = float(runtime.token_probabilities(here.run)[here.position - 1])
    loss = -math.log(probability)
    token, before = here.tokens[here.position], here.tokens[here.position - 1]
    ui.note(
        f"After {before}, {here.model.name} gave {token}, which really came, a probability of {percent(probability)}. "
        f"Its loss is {fixed(loss, 2)} nats: " + _verdict(loss, here.config.vocab_size)
    )
    shares = np.geomspace(0.0001, 1, 161)
    figure = curves(
        {"loss": -np.log(shares)},
        100 * shares,
        title="The loss, by the probability given to the token that came",
        x_title="probability",
        x_unit="%",
        value_title="loss",
        unit="nats",
        stages=("probability",),
        from_zero=True,
        vertical_lines=[VerticalLine(100 * probability, "dart", "solid", 2)],
        mode=ui.mode(),
    )
    made = worked(lambda p: -math.log(p), [probability], loss)
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    with left:
        ui.chart(figure, name="loss-of-a-prediction", data=pd.DataFrame({"probability": shares, "loss_nats": -np.log(shares)}))
    with right:
        ui.formula(ui.latex_lines(r"\text{loss} &= -\ln p", rf"&= -\ln {as_one(made.inputs[0])}", rf"& {made.out}\text{{ nats}}"))
        ui.note("Red: this prediction. Being sure and right costs nothing; being sure and wrong costs without limit.")


def _verdict(loss: float, vocab_size: int) -> str:
    """What a loss is like."""
    blind = math.log(vocab_size)
    if loss > blind:
        return (
            f"more than a guess among all {vocab_size:,} tokens would have cost ({fixed(blind, 2)}), so this text surprised it."
        )
    return f"a guess among all {vocab_size:,} tokens would have cost {fixed(blind, 2)}. Training makes the mean of such numbers small."


def _controls() -> tuple[int, int]:
    """The checkpoint, and the character that is predicted."""
    st.subheader("One weight is moved")
    run = views.recorded_run()
    left, right = st.columns(2, gap="large")
    last = len(run.checkpoints) - 1
    at = left.select_slider(
        "Step of its training",
        list(range(last + 1)),
        format_func=lambda index: f"{run.checkpoints[index].step:,}",
        **state.choice(choices.LEARNING_STEP_AT, among=list(range(last + 1))),
    )
    letter = right.slider("Character that is predicted", 1, views.MAP_CHARACTERS - 1, **state.choice(choices.LEARNING_LETTER))
    return int(at), int(letter)


def move_one_weight(at: int, letter: int) -> None:
    """The loss over one weight, its slope, and one step down it."""
    run, step = views.recorded_run(), views.prediction(at, letter)
    names = run.tokenizer
    ids = names.encode(views.passage()[: letter + 1])
    read, wanted = views.passage()[:letter], names.text_of(ids[-1])
    rate = st.slider("Learning rate η", 0.01, 1.0, step=0.01, **state.choice(choices.LEARNING_RATE, upper=1.0))
    after = step.weight - rate * step.gradient
    loss = views.loss_after(at, letter, after)
    ui.note(
        f"The toy at step {run.checkpoints[at].step:,} has read “{read}” and gives “{wanted}”, which comes next, {percent(step.probability)}. Of "
        f"the {run.config.vocab_size * run.config.emb_dim:,} numbers in its embedding table this loss depends most on number "
        f"{step.column} of the row of “{names.text_of(step.row)}”. {finding(step.loss, loss, after - step.weight)}"
    )
    slope = np.where(np.abs(step.weights - step.weight) <= 0.5, step.loss + step.gradient * (step.weights - step.weight), np.nan)
    data = pd.DataFrame({"weight": step.weights, "loss_nats": step.losses, "tangent_nats": slope})
    figure = curves(
        {"loss": step.losses, "its slope here": slope},
        step.weights,
        title="The loss of this one prediction, by this one weight",
        x_title="weight",
        value_title="loss",
        unit="nats",
        stages=("probability", "reference"),
        from_zero=True,
        vertical_lines=[VerticalLine(step.weight, "residual", "dot", 1.5), VerticalLine(after, "dart", "solid", 2)],
        mode=ui.mode(),
    )
    moved = worked(lambda w, r, g: w - r * g, [step.weight, rate, step.gradient], after)
    w, r, g = moved.inputs
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    with left:
        ui.chart(figure, name="one-weight", data=data)
    with right:
        ui.formula(
            ui.latex_lines(
                r"w_{\text{new}} &= w - \eta \, \frac{\partial \, \text{loss}}{\partial w}",
                rf"&= {w} - {r} \cdot {bracketed(g)} {moved.out}",
                rf"\text{{loss}} &: {latex_number(step.loss)} \rightarrow {latex_number(loss)}\text{{ nats}}",
            )
        )
        ui.note(
            "Dotted grey: where the weight stands; red: where one step puts it. Training does this for all weights at once, for the mean loss of "
            "2,048 predictions, 4,000 times."
        )
    ui.self_check(views.slope_check(at, letter))
    ui.source(weight_step)


def finding(before: float, after: float, moved: float) -> str:
    """Whether the step helped, from its numbers."""
    way = f"Moving it by {significant(moved)}"
    if after < before:
        return f"{way} lowers the loss from {fixed(before, 3)} to {fixed(after, 3)} nats."
    if after == before:
        return f"{way} leaves the loss where it is, at {fixed(before, 3)} nats."
    return f"{way} raises the loss from {fixed(before, 3)} to {fixed(after, 3)} nats: the step was too long. Try a smaller learning rate."
