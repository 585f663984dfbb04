"""What the beats of the comparison page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app import choices, interventions, pinned, state
from app.beats import Question, Try, listed
from app.chapters.compare import sections, views
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import percent, quantity

_DRAWN = ((choices.COMPARE_PART, "next"), (choices.COMPARE_DRAWN, True))


def says_next(whole: Here) -> str:
    """What differs, and what comes of it."""
    found = sections.both(whole)
    if isinstance(found, str):
        return found
    a, b = found
    differs = views.differences(a, b)
    if not differs:
        return "A and B are the same: change the text, the model, the settings, or what is switched off, and B is something else."
    shown = views.next_tokens(a, b, sections.drawn())
    first, then = int(shown.a.argmax()), int(shown.b.argmax())
    apart = views.divergence(a, b)
    said = f" The two distributions are {quantity(apart, 'bits')} apart." if apart is not None else ""
    return (
        f"Between A and B {listed(differs)} {'differs' if len(differs) == 1 else 'differ'}. In A {code(shown.texts[first])} comes next "
        f"with **{percent(float(shown.a[first]))}**, in B {code(shown.texts[then])} with **{percent(float(shown.b[then]))}**.{said}"
    )


def says_texts(whole: Here) -> str:
    """How surprising both texts are."""
    found = sections.both(whole, to_the_end=True)
    if isinstance(found, str):
        return found
    per_byte = [views.bits_per_byte(side) for side in found]
    if not np.isfinite(per_byte).all():
        return "One of the two has a single token, which nothing predicted, so there is no surprise to compare."
    return (
        f"A costs **{quantity(per_byte[0], 'bits')}** per byte, B **{quantity(per_byte[1], 'bits')}**. Bits per byte compare models and "
        "texts that are cut into other tokens."
    )


def says_head(whole: Here) -> str:
    """Where the head in focus looks elsewhere."""
    found = sections.both(whole)
    if isinstance(found, str):
        return found
    if said := views.heads_compare(*found):
        return said
    here = whole.up_to_cursor()
    values = np.nan_to_num(views.pattern_difference(*found, here.layer, here.head, sections.NEWEST))
    tokens = views.texts_of(found[1])[-len(values) :]
    query, key = divmod(int(np.abs(values).argmax()), values.shape[1])
    most = float(values[query, key])
    if abs(most) < 0.0005:
        return f"Head {here.layer}.{here.head} looks at the same in A and in B."
    return (
        f"Head {here.layer}.{here.head} changes most at {code(tokens[query])}: it gives {code(tokens[key])} **{percent(abs(most))}** "
        f"{'more' if most > 0 else 'less'} of its weight in B than in A."
    )


def tries(whole: Here) -> Sequence[Try]:
    """Something to compare with."""
    off = interventions.switched(whole.view.intervention, "feed_forward", 0)
    if not state.chosen(choices.PINNED):
        if len(said := pinned.written(whole)) > choices.LONGEST_IN_LINK:
            return ()
        return (Try("Pin this as A, and switch feed-forward 0 for B", {"intervention": off}, ((choices.PINNED, said),)),)
    verb = "on again" if interventions.is_off(whole.view.intervention, "feed_forward", 0) else "off"
    found = [Try(f"Switch feed-forward 0 {verb}: what becomes of B?", {"intervention": off})]
    if whole.view.temperature < 1.5:
        warm = Try("Temperature 1.5 for B: what is drawn then?", {"temperature": 1.5}, _DRAWN)
        found.append(warm)
    return [*found, Try("Exchange a word of the text above", shown=((choices.EXCHANGING, True),))]


QUESTIONS = (
    Question(
        "Why are two models compared in bits per byte?",
        lambda here: (
            "A model with a larger vocabulary cuts the same text into fewer tokens, each of which is harder to guess. Per byte the cut "
            "makes no difference: both have to account for the same text."
        ),
    ),
)
