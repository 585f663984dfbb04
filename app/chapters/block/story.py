"""What the beats of the block page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app import choices, state
from app.beats import Question, Try, listed
from app.chapters.block import views
from app.chapters.block.views import Written
from app.runtime import Here
from app.shell import navigation
from app.writing import markup
from app.writing.markup import code
from app.writing.numbers import counted, fixed, significant

OPPOSED = 0.1  # a cosine beyond it, either way, is a direction worth a word


def written(here: Here) -> Written:
    """What each layer adds to the token in focus."""
    return views.written(here.trace, here.position)


def says_stations(here: Here) -> str:
    """The two things that a block does, which block this is, and how far it turns the vector."""
    at, n = here.layer, here.config.n_layers
    which = f"Layer {at} is the first block" if at == 0 else f"Layer {at} is block {at + 1}"
    return (
        f"A block does two things to each token's vector. Attention fetches something from earlier tokens ({navigation.chapter('attention')}); "
        f"feed-forward works on each token by itself ({navigation.chapter('feed_forward')}). {which} of {n}: "
        f"{_turned(here, float(written(here).cosine[at]))}"
    )


def _turned(here: Here, cosine: float) -> str:
    said = f"what comes out of it for {code(here.tokens[here.position])} has a cosine similarity of **{fixed(cosine, 2)}** to what went in (1: the "
    said += "same direction, 0: a right angle)"
    if cosine > 0.9:
        return f"{said}, so most of the vector stays as it was."
    return (
        f"{said}, so the vector points elsewhere now." if cosine < 0.5 else f"{said}, so part of it stays and part of it is new."
    )


def try_stations(here: Here) -> Sequence[Try]:
    """The layers that turn this token most and least, and another token."""
    cosine, tries = written(here).cosine, []
    for said, layer in (("most", int(cosine.argmin())), ("least", int(cosine.argmax()))):
        if layer != here.layer and len(cosine) > 1:
            tries.append(Try(f"The layer that turns {code(here.tokens[here.position])} {said}: layer {layer}", {"layer": layer}))
    tries.append(_other_token(here))
    other = "one" if state.chosen(choices.BLOCK_SCALE) == "own" else "own"
    said = "One colour scale for all strips: which is the largest?" if other == "one" else "A colour scale for each strip again"
    return [*tries, Try(said, shown=((choices.BLOCK_SCALE, other),))]


def _other_token(here: Here) -> Try:
    if here.position:
        return Try(f"The first token, {code(here.tokens[0])}: does the block do the same to it?", {"position": 0})
    return Try(f"The newest token, {code(here.tokens[-1])}: does the block do the same to it?", {"position": None})


def says_layers(here: Here) -> str:
    """Which step is the largest, and which part adds more."""
    found = written(here)
    both = np.stack([found.attention, found.feed_forward])
    part, layer = (int(i) for i in np.unravel_index(int(both.argmax()), both.shape))
    n, more = here.config.n_layers, int((found.feed_forward > found.attention).sum())
    name = ("attention", "feed-forward")[part]
    said = (
        f"The longest vector that is added to {code(here.tokens[here.position])} comes from {name} in layer {layer}: it has a length of "
        f"**{significant(float(both[part, layer]))}**, where the vector so far has {significant(float((found.before, found.middle)[part][layer]))}."
    )
    if n == 1:
        return said
    return f"{said} Feed-forward adds the longer vector in **{more}** of {counted(n, 'layer')}, attention in {n - more}."


def try_layers(here: Here) -> Sequence[Try]:
    """Another token, and the block with the largest step."""
    found = written(here)
    layer = int(np.maximum(found.attention, found.feed_forward).argmax())
    tries = [_other_token(here)]
    middle = (len(here.ids) - 1) // 2
    if middle not in (0, here.position):
        tries.append(Try(f"A token in the middle, {code(here.tokens[middle])}: where is its longest bar?", {"position": middle}))
    shown = ((choices.BLOCK_PART, "stations"),)
    return [*tries, Try(f"Look into layer {layer}, with the longest bar", {"layer": layer}, shown)]


def says_dropout(here: Here) -> str:
    """What a step of training would have zeroed here."""
    on, rate, seed = views.dropout_choice()
    would = views.dropout_places(here.trace, here.layer, here.head, here.position, rate, seed)
    counts = [f"{int(p.gone.sum()):,} of {len(p.gone):,} {what}" for p, what in zip(would, views.COUNTED, strict=True)]
    if not on:
        return (
            f"When text is written, dropout does nothing: every value stays. In one step of training with a dropout rate of {significant(rate)}, "
            f"**{counts[0]}** of {code(here.tokens[here.position])} would have been set to 0, drawn at random."
        )
    if rate == 0:
        return "With a dropout rate of 0 no value is set to 0: training and writing are the same."
    return (
        f"This step of training would have set to 0: **{counts[0]}**, {listed(counts[1:])}. All others are divided by {significant(1 - rate)}, "
        "so that their mean stays."
    )


def try_dropout(here: Here) -> Sequence[Try]:
    """On and off, another draw, another rate."""
    on, rate, seed = views.dropout_choice()
    if not on:
        return [
            Try("Show one step of training. What is gone?", shown=((choices.DROPOUT, True),)),
            Try("With half of all values gone", shown=((choices.DROPOUT, True), (choices.DROP_RATE, 0.5))),
        ]
    tries = [Try("The next step of training: is the same gone?", shown=((choices.DROPOUT_SEED, (seed + 1) % 10_000),))]
    if rate != 0.5:
        tries.append(Try("With half of all values gone", shown=((choices.DROP_RATE, 0.5),)))
    return [*tries, Try("As it runs: nothing is dropped", shown=((choices.DROPOUT, False),))]


def _adds_only(here: Here) -> str:
    found = here.trace.block(here.layer, (here.position,))
    before, added = (v[0].astype(np.float64) for v in (found.resid_pre, found.resid_post - found.resid_pre))
    cosine = float(before @ added / max(float(np.linalg.norm(before) * np.linalg.norm(added)), 1e-30))
    if cosine < -OPPOSED:
        here_said = "points partly against what was there, so it takes some of it back"
    elif cosine > OPPOSED:
        here_said = "points partly the same way, so it makes more of it"
    else:
        here_said = "stands nearly at a right angle to what was there, so it takes next to nothing back"
    return (
        f"A block only adds. But what it adds can point the other way. In layer {here.layer}, for {code(here.tokens[here.position])}, all that "
        f"is added has a cosine of {fixed(cosine, 2)} with the vector before: it {here_said}."
    )


def _why_stack(here: Here) -> str:
    c = here.config
    return (
        f"Since {markup.shape(1, len(here.ids), c.emb_dim)} goes in and comes out of every block, the next one can go on where the last one "
        f"stopped. This model has {counted(c.n_layers, 'block')}, of one build, each with numbers of its own."
    )


QUESTIONS = (
    Question("Can a block delete what an earlier one wrote?", _adds_only),
    Question("Why can blocks be stacked?", _why_stack),
)
