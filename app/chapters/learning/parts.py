"""The beats of the page on learning, in their order."""

from __future__ import annotations

from app.beats import Beat, Beats
from app.chapters.learning import copies, live, one_step, sections, story

WORDS = ("training", "loss", "nat", "held-out text", "parameter")
PARTS: Beats = {
    "recorded": Beat(
        "From noise to words", "How did it learn this?", sections.recorded, story.says_recorded,
        tries=story.try_recorded, checks=sections.checks,
        words=(*WORDS, "checkpoint", "attention head", "embedding", "temperature", "seed", "random number"),
        wide=True,
    ),
    "loss": Beat(
        "What a prediction costs", "What is a loss?", one_step.loss_of_prediction, story.says_loss,
        tries=story.try_loss, maths=one_step.loss_formula, words=(*WORDS, "probability", "surprise"),
    ),
    "step": Beat(
        "One weight is moved", "What does one step of training change?", one_step.one_weight, story.says_step,
        steppers=one_step.controls, tries=story.try_step, maths=one_step.step_formula, checks=one_step.checks,
        words=(*WORDS, "gradient", "learning rate", "checkpoint", "weight"),
    ),
    "live": Beat(
        "Train one yourself", "Can you watch one learn?", live.live, story.says_live,
        tries=story.try_live, checks=live.checks, words=(*WORDS, "learning rate", "dropout"), wide=True,
    ),
    "overfit": Beat(
        "Learned by heart", "Can it learn too much?", live.overfit, story.says_overfit,
        tries=story.try_overfit, checks=live.checks, words=(*WORDS, "overfitting", "dropout", "learning rate"), wide=True,
    ),
    "copies": Beat(
        "Copied or made up", "Does it copy?", copies.copies, story.says_copies,
        tries=story.try_copies, checks=copies.checks, words=(*WORDS, "surprise", "overfitting"), questions=story.QUESTIONS, wide=True,
    ),
}  # fmt: skip
