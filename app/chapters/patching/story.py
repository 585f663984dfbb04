"""What the beats of the patching page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app import choices, state
from app.asked import probabilities
from app.beats import Question, Try
from app.chapters.patching import sections, views
from app.runtime import Here, trace
from app.writing.markup import code
from app.writing.numbers import counted, percent, significant


def says_map(whole: Here) -> str:
    """Where the difference stands, layer by layer."""
    here = whole.up_to_cursor()
    found = sections.usable(here)
    if isinstance(found, str):
        return found
    shown, text = views.cells(here, found, sections.site(), 1, sections.in_focus()), here.model.tokenizer.text_of
    asked = views.metric(found)
    said = (
        f"One text would go on with {code(text(asked.target))}, the other with {code(text(asked.rival))}: "
        f"{significant(abs(shown.after - shown.before))} logits apart."
    )
    if shown.n_missing:
        return f"{said} The map fills from the last position back; the other pages can be opened meanwhile."
    last = found.into.ids[-1]
    if shown.before == shown.after:
        return f"{said} So there is nothing to carry."
    if not views.shows_both_ends(found, shown):
        layer, column = divmod(int(np.nanargmax(np.abs(shown.effect))), shown.effect.shape[1])
        return (
            f"{said} Of the positions {shown.positions[0]} to {shown.positions[-1]} most is carried by layer {layer} at "
            f"{code(text(found.into.ids[shown.positions[column]]))}: {percent(float(shown.recovered[layer, column]))}."
        )
    start, best = views.hand_over(shown), shown.positions[int(np.nanargmax(np.abs(shown.recovered[0])))]
    if len(shown.positions) == 1:
        return f"{said} There is one position, so it has nowhere to travel."
    if sections.site() != "resid_pre":
        layer, column = divmod(int(np.nanargmax(np.abs(shown.effect))), shown.effect.shape[1])
        where = code(text(found.into.ids[shown.positions[column]]))
        return f"{said} Most of it is carried by layer {layer} at {where}: {percent(float(shown.recovered[layer, column]))}."
    if start == 0:
        return f"{said} All of it stands at the last token, {code(text(last))}, from the start: there the two texts differ."
    if start is None or start >= here.config.n_layers:
        return (
            f"{said} In this text no other position takes it over before the end: it stays at {code(text(found.into.ids[best]))}."
        )
    return (
        f"{said} Until block {start - 1} most of it stands at {code(text(found.into.ids[best]))}; from block {start} on the last "
        f"token, {code(text(last))}, carries more than any other: **{percent(float(shown.recovered[start, -1]))}** before block "
        f"{start}, all of it at the end."
    )


def try_map(whole: Here) -> Sequence[Try]:
    """The other direction, other cells."""
    into = state.chosen(choices.PATCH_DIRECTION) == "into"
    tries = [
        Try(
            "Turn round: is what suffices also what is needed?" if into else "Back: the other text into this one",
            shown=((choices.PATCH_DIRECTION, "from" if into else "into"),),
        )
    ]
    if sections.site() != "attn_out":
        tries.append(
            Try("Exchange what attention writes alone: where is the hand-over?", shown=((choices.PATCH_SITE, "attn_out"),))
        )
    if sections.site() != "resid_pre":
        tries.append(Try("Exchange the residual stream", shown=((choices.PATCH_SITE, "resid_pre"),)))
    return tries


def says_cell(whole: Here) -> str:
    """What one cell does to the next token."""
    here = whole.up_to_cursor()
    found = sections.usable(here)
    if isinstance(found, str):
        return found
    layer, position = sections.focus(here, found)
    patched = found.cell(layer, position, sections.site())
    text, asked = here.model.tokenizer.text_of, views.metric(found)
    before, after, source = (float(probabilities(trace(run).logits)[asked.target]) for run in (found.into, patched, found.source))
    reached = views.cone(here, found, patched, views.columns(found, position)).change
    return (
        f"With one cell of the other text, layer {layer} at {code(text(found.into.ids[position]))}, {code(text(asked.target))} goes from "
        f"{percent(before)} to **{percent(after)}** (in the other text: {percent(source)}). Of {counted(reached.size, 'place')} on the "
        f"map it changes {int((reached > 0).sum()):,}."
    )


def try_cell(whole: Here) -> Sequence[Try]:
    """A layer up and down."""
    here = whole.up_to_cursor()
    found = sections.usable(here)
    if isinstance(found, str):
        return ()
    layer, position = sections.focus(here, found)
    n_rows = here.config.n_layers + (sections.site() == "resid_pre")
    steps: list[tuple[str, int]] = [("One layer lower", layer - 1), ("One layer higher", layer + 1)]
    return [
        Try(f"{said}: {wanted}", shown=((choices.PATCH_LAYER, wanted), (choices.PATCH_POSITION, position)))
        for said, wanted in steps
        if 0 <= wanted < n_rows
    ]


def says_heads(whole: Here) -> str:
    """The head that brings most over."""
    here = whole.up_to_cursor()
    found = sections.usable(here)
    if isinstance(found, str):
        return found
    shown = views.heads(here, found, 1)
    if shown.n_missing:
        return "The map fills from the upper layers down; the other pages can be opened meanwhile."
    if shown.before == shown.after:
        return "The two texts have the same logit difference, so there is nothing to bring over."
    share = shown.recovered
    layer, head = divmod(int(np.abs(share).argmax()), share.shape[1])
    many = int((np.abs(share) > 0.1).sum())
    return (
        f"Head {layer}.{head} alone brings **{percent(float(share[layer, head]))}** of the difference over, more than any other; "
        f"{counted(many, 'head')} of {share.size} {'brings' if many == 1 else 'bring'} more than 10 % either way."
    )


def try_heads(whole: Here) -> Sequence[Try]:
    """The strongest head on the page of attention."""
    here = whole.up_to_cursor()
    found = sections.usable(here)
    if isinstance(found, str):
        return ()
    strength = np.nan_to_num(np.abs(views.heads(here, found, 1).effect))
    layer, head = divmod(int(strength.argmax()), strength.shape[1])
    where = {"layer": layer, "head": head}
    return (Try(f"What does head {layer}.{head} look at?", where, ((choices.ATTENTION_PART, "lookup"),), "attention"),)


QUESTIONS = (
    Question(
        "Why do both texts need as many tokens?",
        lambda here: (
            "A patch takes a row from one position to the same position of the other text. With another number of tokens the "
            "positions would stand for other words, and what comes over would be about that."
        ),
    ),
    Question(
        "A cell brings 100 % over. Is it the only place that matters?",
        lambda here: (
            "No. It is enough, in this text. Others may be enough too, at lower layers for example, from which it was made. "
            "Whether it is needed is the other direction."
        ),
    ),
)
