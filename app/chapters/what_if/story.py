"""What the beats of the what-if page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app import asked, choices, focus, interventions, sequence, silence, state
from app.beats import Question, Try, listed
from app.chapters.what_if import sections, views
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, percent, quantity, significant
from gptcore.run import Ablation

MATTERS = 0.1  # bits: less is no finding
LOOKED_UP = 4  # heads


def says_board(whole: Here) -> str:
    """The head whose absence matters most, and what its direct share would have let one expect."""
    here = whole.up_to_cursor()
    found = sections.question(here)
    board = silence.board(here, found, 1)
    prob = float(asked.probabilities(here.trace.logits)[found.target])
    target = code(here.model.tokenizer.text_of(found.target))
    off = here.run.intervention
    start = f"With {interventions.summary(off)}, {target} has" if off else f"The model gives {target}"
    said = f"{start} **{percent(prob)}**."
    if board.n_missing:
        return f"{said} The board fills from the upper layers down; the other pages can be opened meanwhile."
    layer, head = board.strongest_head()
    bits = float(board.bits[layer, head])
    if abs(bits) < MATTERS:
        return f"{said} No single head matters in this text: without any one of them the change is below {quantity(MATTERS, 'bits')}."
    after = percent(min(1.0, prob * 2.0**bits))
    helps = f"Without head {layer}.{head} it is **{after}** ({quantity(bits, 'bits')}): of all {board.bits[:, :-2].size} heads,"
    count = int((board.bits[:, :-2] > MATTERS).sum())
    do = "does the opposite: without it" if count == 1 else "do the opposite: without them"
    others = f" {counted(count, 'head')} {do} the probability rises." if count else ""
    return f"{said} {helps} its absence changes it most.{others}"


def try_board(whole: Here) -> Sequence[Try]:
    """Focus on what was found, switch it off, measure otherwise."""
    here = whole.up_to_cursor()
    board = silence.board(here, sections.question(here), 1)
    layer, head = board.strongest_head()
    tries = []
    if (here.layer, here.head) != (layer, head) or state.chosen(choices.SILENT) != "head":
        tries.append(Try(f"Look at head {layer}.{head}", {"layer": layer, "head": head}, ((choices.SILENT, "head"),)))
    two = _strongest(board, 2)
    if here.view.intervention is None and len(two) == 2:
        named = " and ".join(f"{a}.{b}" for a, b in two)
        off = Ablation(frozenset(two), replacement=state.chosen(choices.REPLACEMENT))  # type: ignore[arg-type]
        tries.append(Try(f"Switch off the two that help most, {named}. What does the rest do?", {"intervention": off}))
    tries += _lookup(here)
    if state.chosen(choices.REPLACEMENT) == "mean":
        zero = ((choices.REPLACEMENT, "zero"),)
        tries.append(Try("Put nothing in its place, not what it usually writes. What looks vital now?", shown=zero))
    if state.chosen(choices.SCOPE) == "last":
        tries.append(Try("Switch it off at every token, not at this one alone", shown=((choices.SCOPE, "everywhere"),)))
    return tries


def _strongest(board: silence.Board, count: int) -> list[tuple[int, int]]:
    """The heads that help the target most."""
    heads = np.nan_to_num(board.bits[:, :-2])
    order = np.argsort(heads, axis=None, kind="stable")[:count]
    return [(int(place // heads.shape[1]), int(place % heads.shape[1])) for place in order if heads.flat[place] < 0]


def says_without(whole: Here) -> str:
    """What the next token becomes."""
    here = whole.up_to_cursor()
    run = views.without(here, sections.kind_in_focus(), sections.question(here).replacement)
    found = views.candidates(here, run)
    text = here.model.tokenizer.text_of
    first, then = int(found.before.argmax()), int(found.after.argmax())
    off = interventions.summary(run.intervention) if run.intervention else "nothing off"
    before, after = code(text(int(found.token_ids[first]))), code(text(int(found.token_ids[then])))
    mean = _costs(here, views.surprise_change(here, run))
    if first == then:
        return (
            f"With {off} the likeliest next token stays {before}, at {percent(float(found.after[then]))} in place of "
            f"{percent(float(found.before[first]))}.{mean}"
        )
    return (
        f"With {off} the likeliest next token changes from {before} ({percent(float(found.before[first]))}, now "
        f"{percent(float(found.after[first]))}) to {after} ({percent(float(found.after[then]))}).{mean}"
    )


def _costs(here: Here, change: np.ndarray) -> str:
    """Mean change of surprise, of what stands in the text a second time apart from the rest."""
    if not change.size:
        return ""
    again = np.array([place in _repeated(here.ids) for place in range(1, len(here.ids))])
    if not again.any() or again.all():
        return f" Over the text so far, a token costs {_more(change.mean())}."
    return (
        f" What stands here a second time costs {_more(change[again].mean())} per token, the rest {_more(change[~again].mean())}."
    )


def _more(bits: float) -> str:
    return f"**{quantity(abs(float(bits)), 'bits')}** {'more' if bits >= 0 else 'less'}"


def _repeated(ids: tuple[int, ...]) -> set[int]:
    """The positions of tokens that follow the same token as before."""
    keys = focus.keys_of("induction", ids)
    return {query + 1 for query, some in keys.items() if query + 1 < len(ids) and ids[query + 1] in [ids[key] for key in some]}


def try_without(whole: Here) -> Sequence[Try]:
    """The heads that look up what came before, and the first feed-forward network."""
    here = whole.up_to_cursor()
    tries = list(_lookup(here))
    if not interventions.is_off(here.view.intervention, "feed_forward", 0):
        off = interventions.switched(None, "feed_forward", 0)
        tries.append(Try("Switch off feed-forward 0 alone", {"intervention": off}))
    return tries


def _lookup(here: Here) -> Sequence[Try]:
    """The heads that best find what followed the same token earlier, found in this text."""
    clean = replace(here, view=replace(here.view, intervention=None))
    if (found := focus.heads_that(clean, "induction")) is None:
        return ()
    order = np.argsort(-found.share, axis=None, kind="stable")[:LOOKED_UP]
    heads = frozenset((int(place // found.share.shape[1]), int(place % found.share.shape[1])) for place in order)
    off = Ablation(heads, replacement=state.chosen(choices.REPLACEMENT))  # type: ignore[arg-type]
    if here.view.intervention == off:
        return ()
    named = listed([f"{layer}.{head}" for layer, head in sorted(heads)])
    return (Try(f"Switch off the {len(heads)} heads that best look up what came next: {named}", {"intervention": off}),)


def says_going_on(whole: Here) -> str:
    """Where the two texts part."""
    here = whole.up_to_cursor()
    if here.is_full:
        return "There is no room for another token."
    run = views.without(here, sections.kind_in_focus(), sections.question(here).replacement)
    settings = sequence.settings(here.view)
    with_it, without = views.goes_on(here.clean, settings), views.goes_on(run, settings)
    same = views.parted(with_it, without)
    off = interventions.summary(run.intervention) if run.intervention else "nothing off"
    if same == len(with_it) == len(without):
        return f"With {off} and the same dice the next {same} tokens are the same."
    where = "part at once" if not same else f"share {counted(same, 'token')} and then part"
    return f"With {off} and the same dice the two texts {where}."


def try_seed(whole: Here) -> Sequence[Try]:
    """Other dice; the strongest parts."""
    here = whole.up_to_cursor()
    tries = [Try(f"Throw other dice: seed {here.view.seed + 1}", {"seed": here.view.seed + 1})]
    if here.view.temperature:
        tries.append(Try("Leave nothing to chance: temperature 0", {"temperature": 0.0}))
    if not interventions.is_off(here.view.intervention, "feed_forward", 0):
        off = interventions.switched(here.view.intervention, "feed_forward", 0)
        tries.append(Try("Switch off feed-forward 0", {"intervention": off}))
    return tries


def _direct_against(whole: Here) -> str:
    here = whole.up_to_cursor()
    found = sections.question(here)
    board, shares = silence.board(here, found, 1), silence.direct(here, found)
    layer, head = board.strongest_head()
    return (
        f"No. Head {layer}.{head} adds {significant(float(shares.parts[layer, head]))} to the logit difference by itself, and switched "
        f"off it changes it by {significant(float(board.logits[layer, head]))}. Later layers react to what is missing, and the final "
        "LayerNorm divides by another number. The direct share is exact as a share; it does not tell what would happen."
    )


QUESTIONS = (
    Question("Is a part's direct share what its absence would cost?", _direct_against),
    Question(
        "Why is what it usually writes a better stand-in than nothing?",
        lambda here: (
            "Much of what many heads write is the same in every text, and later layers count on it. With nothing in its place that "
            "is gone too, and a head looks vital that has done nothing for this text. What it usually writes is its mean over a "
            "fixed reference text."
        ),
    ),
)
