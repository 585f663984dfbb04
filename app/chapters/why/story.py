"""What the beats of the attribution page say, and what they offer to try."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from app import asked, choices, silence, state
from app.beats import Question, Try
from app.chapters.why import sections, views
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import percent, quantity, significant


def _names(here: Here) -> tuple[str, str]:
    pair, name = asked.pair(here), here.model.tokenizer.text_of
    return code(name(pair.target)), code(name(pair.rival))


def says_sum(whole: Here) -> str:
    """What adds most, and what takes most."""
    here = whole.up_to_cursor()
    found = views.attribution(here, *asked.pair(here))
    rows = views.terms(found)
    target, rival = _names(here)
    most, least = max(rows, key=lambda row: row.value), min(rows, key=lambda row: row.value)
    lead = f"{target} leads {rival} by" if found.logit_difference >= 0 else f"{target} is behind {rival} by"
    said = f"{lead} **{significant(abs(found.logit_difference))}** logits. {most.label.capitalize()} adds most, {significant(most.value)}"
    takes = f"; {least.label} takes most, {significant(least.value)}" if least.value < 0 else ""
    off = significant(abs(found.total - found.logit_difference))
    return f"{said}{takes}. All {len(found.parts):,} parts add up to the difference, but for {off}."


def try_sum(whole: Here) -> Sequence[Try]:
    """The layer that adds most; another rival."""
    here = whole.up_to_cursor()
    pair = asked.pair(here)
    found = views.attribution(here, *pair)
    rows = [row for row in views.terms(found) if row.layer is not None]
    best = max(rows, key=lambda row: abs(row.value))
    order = np.argsort(-here.trace.logits, kind="stable")
    tries = [
        Try(
            f"Open layer {best.layer}: its heads and neurons",
            {"layer": best.layer}, ((choices.WHY_PART, "heads"),),
        )
    ]  # fmt: skip
    third = next(int(token) for token in order if token not in pair)
    name = code(here.model.tokenizer.text_of(third))
    shown = ((choices.TARGET, pair.target), (choices.RIVAL, third))
    tries.append(Try(f"Why not {name}?", shown=shown))
    tries.append(Try("And if a part were silent?", page="what_if"))
    return tries


def says_heads(whole: Here) -> str:
    """How far shares and effects agree in this text."""
    here = whole.up_to_cursor()
    found = sections.agreement(here)
    if found is None:
        return "The effects of switching off are being computed, from the upper layers down; the other pages can be opened meanwhile."
    shares = views.attribution(here, *asked.pair(here)).of("head")
    layer, head = divmod(int(np.abs(shares).argmax()), shares.shape[1])
    board = silence.board(here, sections.question(here), 0)
    if math.isnan(found):
        return "There is one head, so there is nothing to compare."
    return (
        f"The largest share of a head is that of {layer}.{head}: **{significant(float(shares[layer, head]))}**. Switched off at this token, "
        f"it changes the difference by **{significant(float(board.logits[layer, head]))}**. Over all {shares.size} heads the two orders "
        f"agree by {significant(found, 2)} (1 is the same order, 0 none): a share is not an effect."
    )


def try_heads(whole: Here) -> Sequence[Try]:
    """The layer of the strongest head."""
    here = whole.up_to_cursor()
    shares = views.attribution(here, *asked.pair(here)).of("head")
    layer = int(np.abs(shares).max(1).argmax())
    tries = [Try(f"Layer {layer}, where the strongest head is", {"layer": layer})] if layer != here.layer else []
    return [*tries, Try("Every part switched off, one at a time", page="what_if")]


def says_tokens(whole: Here) -> str:
    """The token whose replacement costs most."""
    here = whole.up_to_cursor()
    target, _ = _names(here)
    found = views.mattered(here, asked.pair(here).target, 1, sections.in_focus())
    prob = percent(min(1.0, 2.0**found.result))
    if found.n_missing:
        return f"The model gives {target} {prob}. The text is being replaced, token by token, from its end; other pages can be opened meanwhile."
    best = int(np.nanargmax(found.effects))
    bits = float(found.effects[best])
    if bits <= 0:
        nobody = (
            "no single token"
            if len(found.asked) == len(here.ids)
            else f"none of the tokens {found.asked[0]} to {found.asked[-1]}"
        )
        return f"The model gives {target} {prob}, and {nobody} speaks for it: replaced, none costs anything on average."
    some = f"Of positions {found.asked[0]} to {found.asked[-1]} most" if len(found.asked) < len(here.ids) else "Most of it"
    said = (
        f"The model gives {target} {prob}. {some} hangs on {code(here.tokens[best])} at position {best}: with others in its place "
        f"{target} loses **{quantity(bits, 'bits')}** on average"
    )
    earlier = found.effects[:-1]
    if best == len(here.ids) - 1 and np.isfinite(earlier).any() and np.nanmax(earlier) > 0:
        second = int(np.nanargmax(earlier))
        return (
            f"{said}. It is the newest token; of those before it {code(here.tokens[second])} at position {second} matters most, with "
            f"**{quantity(float(earlier[second]), 'bits')}**."
        )
    return f"{said}, its probability divided by {significant(2.0**bits)}."


def try_tokens(whole: Here) -> Sequence[Try]:
    """Another question; the strongest token in focus."""
    here = whole.up_to_cursor()
    tries = []
    if not state.chosen(choices.WHY_DIFFERENTLY):
        tries.append(Try("Ask six other methods. Do they agree?", shown=((choices.WHY_DIFFERENTLY, True),)))
    if len(here.ids) > 1:
        tries.append(Try("Go one token back: what mattered there?", {"position": here.position - 1}))
    return tries


def _agreements(whole: Here) -> str:
    here = whole.up_to_cursor()
    target = asked.pair(here).target
    base = views.mattered(here, target, 0, sections.in_focus()).effects
    if views.takes_too_long(here) or not np.isfinite(base).all() or len(here.ids) < 3:
        return "Not always. In a short text of three tokens or more the table under “Ask differently” says how far, by numbers."
    answers = views.asked_differently(here, target, base)
    best = max(answers, key=lambda method: answers[method].agreement)
    worst = min(answers, key=lambda method: answers[method].agreement)
    said = [f"{each.replace('_', ' ')} {significant(answers[each].agreement, 2)}" for each in (best, worst)]
    return f"No. In this text the closest to replacement is {said[0]}, the farthest {said[1]} (rank correlation)."


QUESTIONS = (
    Question("Do all methods name the same tokens?", _agreements),
    Question(
        "Why is there always a rival?",
        lambda here: (
            "Softmax sees nothing but differences of logits: what raises all of them alike changes no probability. So a part's share "
            "means something against another token only."
        ),
    ),
)
