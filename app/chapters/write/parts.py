"""The beats of the first page, in their order."""

from __future__ import annotations

from app.beats import Beat, Beats
from app.chapters.write import guess, instrument

PARTS: Beats = {
    "guess": Beat(
        "You guess first", "What comes next?", guess.guess, guess.finding,
        steppers=guess.steppers, tries=guess.tries, words=("token", "probability", "surprise", "vocabulary"), questions=guess.QUESTIONS,
    ),
    "choice": Beat(
        "The choice", "Which token comes next?", instrument.choice, instrument.says_choice,
        tries=instrument.try_choice, words=("temperature", "top-k", "top-p", "min-p", "logit", "seed"), wide=True,
    ),
    "steps": Beat(
        "The seven steps", "How is one token made?", instrument.steps, instrument.says_steps,
        words=("autoregressive", "logit", "softmax", "temperature", "top-k", "top-p", "min-p", "seed", "entropy", "sampling",
            "random number"),
        questions=instrument.QUESTIONS, wide=True,
    ),
}  # fmt: skip
