"""The beats on one step of training: the loss of one prediction of the text in view, and one weight of the toy that is moved against
its gradient."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, state, ui
from app.chapters.learning import views
from app.charts import VerticalLine, curves
from app.runtime import Here
from app.writing.worked import as_one, bracketed, latex_number, worked
from gptcore.training.one_weight import losses_at, weight_step

_SHARES = np.geomspace(0.0001, 1, 161)  # probabilities over which the loss is drawn


def loss_of_prediction(here: Here) -> None:
    """The loss over the probability of the token that came, and where the token at the cursor stands."""
    at = [VerticalLine(100 * views.loss_at_cursor(here)[0], "dart", "solid", 2)] if here.position else []
    figure = curves(
        {"loss": -np.log(_SHARES)},
        100 * _SHARES,
        title="The loss, by the probability given to the token that came",
        x_title="probability",
        x_unit="%",
        value_title="loss",
        unit="nats",
        stages=("probability",),
        from_zero=True,
        vertical_lines=at,
        mode=ui.mode(),
    )
    ui.chart(figure, name="loss-of-a-prediction", data=pd.DataFrame({"probability": _SHARES, "loss_nats": -np.log(_SHARES)}))
    red = "Red: this prediction. " if at else ""
    ui.note(f"{red}Being sure and right costs nothing; being sure and wrong costs without limit.")


def loss_formula(here: Here) -> None:
    """The loss of the token at the cursor, in numbers."""
    if not here.position:
        ui.formula(r"\text{loss} = -\ln p")
        return
    probability, loss = views.loss_at_cursor(here)
    made = worked(lambda p: -math.log(p), [probability], loss)
    ui.formula(ui.latex_lines(r"\text{loss} &= -\ln p", rf"&= -\ln {as_one(made.inputs[0])}", rf"& {made.out}\text{{ nats}}"))


def controls(_: Here) -> None:
    """The checkpoint, the character that is predicted, the learning rate."""
    run = views.recorded_run()
    everyone = list(range(len(run.checkpoints)))
    st.select_slider(
        "Step of the toy's training",
        everyone,
        format_func=lambda index: f"{run.checkpoints[index].step:,}",
        **state.choice(choices.LEARNING_STEP_AT, among=everyone),
    )
    st.slider("Character that is predicted", 1, views.MAP_CHARACTERS - 1, **state.choice(choices.LEARNING_LETTER))
    st.slider("Learning rate η", 0.01, 1.0, step=0.01, **state.choice(choices.LEARNING_RATE, upper=1.0))


def one_weight(_: Here) -> None:
    """The loss over one weight, its slope, and one step down it."""
    at, letter, rate = views.one_weight_in_focus()
    step = views.prediction(at, letter)
    near = np.abs(step.weights - step.weight) <= 0.5
    tangent = np.where(near, step.loss + step.gradient * (step.weights - step.weight), np.nan)
    after = step.weight - rate * step.gradient
    figure = curves(
        {"loss": step.losses, "its slope here": tangent},
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
    data = pd.DataFrame({"weight": step.weights, "loss_nats": step.losses, "tangent_nats": tangent})
    ui.chart(figure, name="one-weight", data=data)
    run = views.recorded_run()
    beyond = "" if abs(after - step.weight) <= np.ptp(step.weights) / 2 else " (this one goes beyond the picture)"
    windows = run.settings["batch_size"] * run.config.context_length
    ui.note(
        f"Dotted grey: where the weight stands; red: where one step puts it{beyond}. Training does this for all weights at once, for the mean "
        f"loss of {windows:,} predictions, {run.checkpoints[-1].step:,} times."
    )


def step_formula(_: Here) -> None:
    """The step in numbers."""
    at, letter, rate = views.one_weight_in_focus()
    step = views.prediction(at, letter)
    after = step.weight - rate * step.gradient
    moved = worked(lambda w, r, g: w - r * g, [step.weight, rate, step.gradient], after)
    w, r, g = moved.inputs
    ui.formula(
        ui.latex_lines(
            r"w_{\text{new}} &= w - \eta \, \frac{\partial \, \text{loss}}{\partial w}",
            rf"&= {w} - {r} \cdot {bracketed(g)} {moved.out}",
            rf"\text{{loss}} &: {latex_number(step.loss)} \rightarrow {latex_number(views.loss_after(at, letter, after))}\text{{ nats}}",
        )
    )


def checks(_: Here) -> None:
    """The gradient against the weight moved, and the code of both."""
    at, letter, _rate = views.one_weight_in_focus()
    ui.self_check(views.slope_check(at, letter))
    ui.source(weight_step, losses_at)
