"""What the beats of the LayerNorm page say, and what they offer to try."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from app import choices, standouts, state
from app.beats import Question, Try
from app.chapters.layer_norm import lessons, sections, views
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, significant
from gptcore import lessons as stacks
from gptcore.trace import Site


def _subject(here: Here, width: int) -> str:
    if sections.of_all_tokens(here):
        return f"The {width:,} numbers of each token have, on average,"
    return f"The {width:,} numbers of {code(here.tokens[here.position])} have"


def says_token(here: Here) -> str:
    """Mean and standard deviation before and after, at the place that is looked at."""
    found = sections.looked(here).found
    before = float(np.sqrt(found.var).mean())
    normalized, after = (float(values.std(1, dtype=np.float64).mean()) for values in (found.normalized, found.after))
    return (
        f"{_subject(here, found.before.shape[1])} standard deviation **{significant(before)}**{_because(here, before)}. LayerNorm brings them to "
        f"mean 0 and standard deviation **{significant(normalized)}**, so that what comes next always gets numbers of one size; a learned scale "
        f"and shift then make it {significant(after)}."
    )


def _because(here: Here, now: float) -> str:
    """How the size of these numbers changes on the way through the blocks, which only ever add."""
    places = views.along_depth(here.trace, "ln_1", sections.looked_at(here))
    start, end = (float(np.sqrt(places[i].var).mean()) for i in (0, -1))
    if sections.chosen_site() == "ln_1" and here.layer == 0:
        return f", and after all blocks, each of which adds something, it will be {significant(end)}"
    if now > start > 0:
        return f", {significant(now / start)} times as much as before the first block, because every block adds something"
    return f", where it was {significant(start)} before the first block: what blocks add can also make it smaller"


def try_token(here: Here) -> Sequence[Try]:
    """Another layer, the other sites, all tokens."""
    tries, site = [], sections.chosen_site()
    if here.layer:
        tries.append(Try("Go to layer 0. How large are the numbers there?", {"layer": 0}, ((choices.LAYER_NORM_SITE, "ln_1"),)))
    else:
        wide = standouts.widest(here)
        tries.append(
            Try(f"Go to layer {wide['layer']}, where the numbers are largest", wide, ((choices.LAYER_NORM_SITE, "ln_1"),))
        )
    if site != "final":
        tries.append(
            Try("The LayerNorm after the last block: what does its scale do?", shown=((choices.LAYER_NORM_SITE, "final"),))
        )
    if len(here.ids) > 1:
        everything = sections.of_all_tokens(here)
        tries.append(
            Try(
                "One token again" if everything else "All tokens together. Is it the same for each?",
                shown=((choices.LAYER_NORM_TOKENS, "focus" if everything else "all"),),
            )
        )
    return [each for each in tries if here.config.n_layers > 1 or not each.change]


def says_outliers(here: Here) -> str:
    """How far the farthest dimension lies from the mean, beside what a bell curve would have."""
    found = sections.looked(here).found
    first = views.outliers(found, top=1).iloc[0]
    width = found.before.shape[1]
    distance = float(np.abs(found.normalized).mean(0).max())
    bell = NormalDist().inv_cdf(1 - 1 / (2 * width)) if width > 1 else 0.0
    said = f"Dimension **{int(first['dimension'])}** lies **{significant(distance)} standard deviations** from the mean"
    if sections.of_all_tokens(here):
        said += ", on average over these tokens"
    beside = f"of {width:,} numbers in a bell curve, about one lies beyond {significant(bell)}"
    if distance > bell:
        return f"{said}; {beside}. LayerNorm keeps it: all dimensions are divided alike."
    return f"{said}, which is not far: {beside}. No dimension stands out here."


def try_outliers(here: Here) -> Sequence[Try]:
    """Where it is farthest, and where nothing stands out."""
    tries, far = [], standouts.farthest(here)
    position = len(here.ids) - 1 if far["position"] is None else far["position"]
    if (far["layer"], position) != (here.layer, here.position):
        tries.append(
            Try(
                f"Go to layer {far['layer']} and {code(here.tokens[position])}, where one lies farthest",
                far, ((choices.LAYER_NORM_SITE, "ln_1"),),
            )
        )  # fmt: skip
    if here.layer:
        tries.append(Try("Go to layer 0. Does anything stand out there?", {"layer": 0}, ((choices.LAYER_NORM_SITE, "ln_1"),)))
    if len(here.ids) > 1:
        everything = sections.of_all_tokens(here)
        tries.append(
            Try(
                "One token again" if everything else "All tokens together. Are they the same dimensions?",
                shown=((choices.LAYER_NORM_TOKENS, "focus" if everything else "all"),),
            )
        )
    return tries


def says_depth(here: Here) -> str:
    """How the standard deviation changes from the first layer to the end, and within which bounds LayerNorm holds it."""
    data = views.over_depth(views.along_depth(here.trace, sections.chosen_site(), sections.followed_positions(here)))
    start, end = (float(data["spread_before"].iloc[i]) for i in (0, -1))
    low, high = float(data["spread_after"].min()), float(data["spread_after"].max())
    whose = "the tokens" if sections.of_all_tokens(here) else code(here.tokens[here.position])
    times = (
        ""
        if not start
        else f", {significant(end / start if end >= start else start / end)} times {'as much' if end >= start else 'less'}"
    )
    return (
        f"From layer 0 to the end, the standard deviation of {whose} goes from {significant(start)} to **{significant(end)}**{times}. "
        f"After LayerNorm it stays between {significant(low)} and **{significant(high)}**."
    )


def try_depth(here: Here) -> Sequence[Try]:
    """The other LayerNorm of a block, the first token, all tokens."""
    site: Site = "ln_1" if sections.chosen_site() == "ln_2" else "ln_2"
    tries = [Try(f"Follow the LayerNorm {views.SITES[site]} instead", shown=((choices.LAYER_NORM_SITE, site),))]
    if here.position:
        tries.append(Try(f"Go to the first token, {code(here.tokens[0])}. Is it larger than others?", {"position": 0}))
    if len(here.ids) > 1:
        everything = sections.of_all_tokens(here)
        tries.append(
            Try(
                "One token again" if everything else "All tokens together",
                shown=((choices.LAYER_NORM_TOKENS, "focus" if everything else "all"),),
            )
        )
    return tries


def says_classroom(here: Here) -> str:
    """What either takes its mean over, with this size of the batch."""
    size = state.chosen(choices.CLASSROOM_STUDENTS)
    said = "LayerNorm works along one student's row, BatchNorm down one exam's column."
    if size == 1:
        return f"{said} With **one student** in the batch, BatchNorm has nothing to go by; LayerNorm gives what it gave before."
    return f"{said} With **{counted(size, 'student')}** in the batch, what BatchNorm gives one depends on {counted(size - 1, 'other')}."


def try_classroom(here: Here) -> Sequence[Try]:
    """Smaller batches, and the marks as they were."""
    size = state.chosen(choices.CLASSROOM_STUDENTS)
    said = {
        1: "Let Danny come alone. What has BatchNorm to go by?",
        2: "Two students. What can BatchNorm say of them?",
        len(lessons.STUDENTS): "The whole class again",
    }
    return [Try(text, shown=((choices.CLASSROOM_STUDENTS, number),)) for number, text in said.items() if number != size]


def try_stack(here: Here) -> Sequence[Try]:
    """Weights that are a little smaller or larger, and more layers."""
    gain, depth = state.chosen(choices.STACK_GAIN), state.chosen(choices.STACK_DEPTH)
    tries = [
        Try(said, shown=((choices.STACK_GAIN, value),))
        for value, said in ((0.8, "Weight scale 0.8 instead. Explode or vanish?"), (1.0, "Weight scale 1, just right? Look again."),
                            (1.2, "Weight scale 1.2 again"))
        if value != gain
    ]  # fmt: skip
    deepest = stacks.STACK_DEPTHS[1]
    return [*tries[:2], Try(f"{deepest} layers", shown=((choices.STACK_DEPTH, deepest),))] if depth != deepest else tries


def _same_for_all(here: Here) -> str:
    spreads = np.sqrt(here.trace.layer_norm(None, "final", standouts.newest(here)).var)
    if len(spreads) < 2:
        return "It depends on this one token's numbers alone. Write a longer text, and the others change nothing about it."
    return (
        f"No: each token is divided by its own standard deviation. Before the final LayerNorm they lie between {significant(float(spreads.min()))} "
        f"and {significant(float(spreads.max()))} in this text."
    )


def _erased(here: Here) -> str:
    found = here.trace.layer_norm(None, "final", (here.position,))
    spread = math.sqrt(float(found.var[0]))
    return (
        f"No, but for ε. The standard deviation of {code(here.tokens[here.position])} before the final LayerNorm would be "
        f"{significant(10 * spread)} instead of {significant(spread)}, and LayerNorm divides by it: the same numbers come out. The direction "
        "stays; the length goes."
    )


QUESTIONS = (
    Question("Does LayerNorm divide all tokens of a text by the same number?", _same_for_all),
    Question("If all numbers of a token were ten times as large, would anything change after LayerNorm?", _erased),
)
