"""A text before a model, as a visitor would have it, with what several measures ask of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from app import runtime, sequence
from app.asked import probabilities
from app.chapters.patching import views as patching
from app.chapters.sampling import views as sampling
from app.runtime import Here
from app.texts import both
from app.view import View

WRITTEN, SEEDS = 24, (1, 2)  # tokens of each continuation that is judged


class Candidate:
    """text: [a|b] for two texts that differ in this word; model: its name in the catalogue of the app."""

    def __init__(self, text: str, model: str) -> None:
        self.text, self.model = text, model
        self.prompts = both(text)

    @cached_property
    def here(self) -> Here:
        """With the cursor on the newest token."""
        return self.place(self.prompts[0])

    def place(self, prompt: str) -> Here:
        return runtime.here_of(View(model=self.model, prompt=prompt))

    @cached_property
    def next_probs(self) -> np.ndarray:
        return probabilities(self.here.trace.logits)

    @cached_property
    def likeliest(self) -> tuple[int, int]:
        """The two likeliest next tokens."""
        first, second = np.argsort(-self.next_probs, kind="stable")[:2].tolist()
        return first, second

    @cached_property
    def continuations(self) -> list[tuple[int, ...]]:
        """What the usual settings write after it."""
        usual = sequence.settings(View())
        return [sampling.continuation(self.here.run, replace(usual, seed=seed), count=WRITTEN) for seed in SEEDS]

    @cached_property
    def texts(self) -> patching.TwoTexts:
        other = self.here.model.tokenizer.encode(self.prompts[1])
        return patching.two_texts(self.here, other, "into")
