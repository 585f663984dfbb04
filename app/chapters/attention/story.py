"""What the beats of the attention page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, focus, state, ui
from app.asked import likeliest
from app.beats import Question, Try, listed
from app.chapters.attention import formulas, sections, views
from app.chapters.attention.views import AttentionMap
from app.charts import Figure, grouped_bars
from app.components.arcs import arcs
from app.runtime import Here
from app.writing.markup import code, quoted
from app.writing.numbers import counted, percent, significant
from gptcore import activations

HEAD = "At each token, a head looks back over the text and gives each token before it a share of its attention. "
LONGEST_TEXT = 96  # tokens in the picture; of a longer text those around the query
MOST_NAMED = 3  # keys in a finding
HEADS = {
    "induction": "The head that best looks up what came next, over this text",
    "previous": "The head that looks most at the token before, over this text",
    "first": "The head that rests most on the first token, over this text",
}


def _row(here: Here) -> np.ndarray:
    row: np.ndarray = here.trace.attention(here.layer, (here.position,), (here.head,)).pattern[0, 0, : here.position + 1]
    return row


def lookup(here: Here) -> None:
    """The text, and the arcs of the head in focus from the token at the cursor."""
    row = _row(here)
    best, probability = likeliest(here.trace.logits)
    first = max(0, here.position + 1 - LONGEST_TEXT)
    label = f"Layer {here.layer}, head {here.head}: what {quoted(here.tokens[here.position])} attends to"
    mode = ui.mode()

    def figure() -> Figure:
        return grouped_bars(
            {"attention weight": row}, labels=here.tokens[: len(row)], title=label, value_title="attention weight", unit="%",
            stages=("attention",), mode=mode,
        )  # fmt: skip

    def data() -> pd.DataFrame:
        return pd.DataFrame({"position": range(len(row)), "token": here.tokens[: len(row)], "weight": row})

    has_map, is_lecture = 1 < len(here.ids) <= LONGEST_TEXT, state.chosen(choices.LECTURE)
    # On a projector the map would lie below what is seen, and nobody scrolls.
    beside, below = st.columns([3, 2], gap="large") if has_map and is_lecture else (st.container(), None)
    with beside:
        ui.figure_menu("attention-lookup", data, figure)
        arcs(
            here.tokens[first : here.position + 1 + LONGEST_TEXT // 4],
            row,
            query=here.position,
            first=first,
            label=label,
            key="attention_arcs",
            predicted=(here.model.tokenizer.text_of(best), probability) if here.is_newest else None,
            on_pick=lambda position: state.update(**here.cursor_on(position)),
        )
    if below:
        with below:
            sections.large_map(here, AttentionMap(here.layer, here.head), key="attention_rows", linked_text=False)
    elif has_map:
        every, said = st.columns([3, 2], gap="large", vertical_alignment="center")
        with every:
            sections.large_map(here, AttentionMap(here.layer, here.head), key="attention_rows", linked_text=False)
        with said:
            ui.note(
                "The same head from every token: each row is one token that attends, each column a token that it can attend to, and "
                "each row sums to 100 %. The framed row is the text above. Choose another row."
            )


def says_lookup(here: Here) -> str:
    """Where this head looks from here, and what that means."""
    row, query = _row(here), here.position
    token = code(here.tokens[query])
    followers = focus.keys_of("induction", here.ids).get(query, ())
    share, named = float(row[list(followers)].sum()), listed(list(dict.fromkeys(code(here.tokens[key]) for key in followers)))
    best = int(row.argmax())
    if best in followers:
        what = "the token that followed it there" if len(followers) == 1 else "what followed it there"
        return (
            f"{HEAD}This one finds where {token} stood before and attends to {what}: {named}, with **{percent(share)}** of its weight. "
            "A head that does this is called an **induction head**."
        )
    most = [int(key) for key in np.argsort(-row, kind="stable")[:MOST_NAMED] if row[key] >= 0.05]
    where = listed([f"{percent(float(row[key]))} to {_named(here, key)}" for key in most]) or "no token gets as much as 5 %"
    said = f"{HEAD}From {token}, " + (f"layer {here.layer}, head {here.head} gives {where}." if most else f"{where}.")
    if query == 0:
        return f"{said} It is the first token: nothing stands before it."
    if followers:
        gets = "it gets" if len({here.ids[key] for key in followers}) == 1 else "together they get"
        return (
            f"{said} {token} stood here before, followed by {named}: {gets} {percent(share)}, so this head does not look it up."
        )
    if row[0] > 0.5:
        return f"{said} Most of the weight rests on the first token, whatever that is: an **attention sink**."
    if len(set(here.ids)) == len(here.ids):
        return f"{said} No token of this text stands in it twice, so there is nothing to look up."
    if here.ids[query] in here.ids[:query]:
        return f"{said} Before it stands the same token, and nothing in between that could be looked up."
    return f"{said} {token} has not stood here before, so there is nothing to look up."


def _named(here: Here, key: int, query: int | None = None) -> str:
    return "itself" if key == (here.position if query is None else query) else code(here.tokens[key])


def try_lookup(here: Here) -> Sequence[Try]:
    """Other places in this text, and other heads, found in it."""
    tries = []
    last = len(here.ids) - 1
    if here.position != last:
        tries.append(Try("Go to the newest token. Is the head as sure?", {"position": None}))
    early = next((i for i in range(1, last) if here.ids[i] in here.ids[i + 2 :] and here.ids[i] not in here.ids[:i]), None)
    if early is not None and here.position != early:
        tries.append(
            Try(
                f"Go to the first {code(here.tokens[early])}, before anything is repeated. Where is the weight now?",
                {"position": early},
            )
        )
    for kind, said in HEADS.items():
        if found := focus.heads_that(here, kind):
            layer, head = found.best()
            if (layer, head) != (here.layer, here.head):
                tries.append(Try(f"{said}: layer {layer}, head {head}", {"layer": layer, "head": head}))
    return tries


def says_heads(here: Here) -> str:
    """How many heads there are, and what some of them do in this text."""
    config = here.config
    n_heads = config.n_layers * config.n_heads
    if len(here.ids) < 2:
        return "With one token there is nothing to choose: every head gives all its weight to it."
    found = []
    for kind, said in (
        ("previous", "the token before"),
        ("first", "the first token"),
        ("induction", "what followed the same token"),
    ):
        if seen := focus.heads_that(here, kind):
            found.append(f"**{int((seen.share > 0.5).sum())}** to {said}")
    each = f"The model has {counted(n_heads, 'head')}" + (", which do not all look at the same tokens." if n_heads > 1 else ".")
    return f"{each} Over this text, some give more than half of their weight to one kind of token: {listed(found)}."


def try_heads(here: Here) -> Sequence[Try]:
    """Other stages of the map in view."""
    tries = []
    if state.chosen(choices.ATTENTION_HEADS) == "one" and state.chosen(choices.ATTENTION_STAGE) != "scores":
        tries.append(Try("The scores before the mask: is there something to hide?", shown=((choices.ATTENTION_STAGE, "scores"),)))
    if state.chosen(choices.ATTENTION_HEADS) != "mean" and here.config.n_heads > 1:
        tries.append(
            Try("The mean of the layer's heads: what is left of the pattern?", shown=((choices.ATTENTION_HEADS, "mean"),))
        )
    if not state.chosen(choices.HIDE_FIRST) and len(here.ids) > 1:
        tries.append(Try("Hide the first token. What comes out?", shown=((choices.HIDE_FIRST, True),)))
    if state.current().choices.keys() & {"heads", "stage", "hide_first", "join_words"}:
        plain = ((choices.ATTENTION_HEADS, "one"), (choices.ATTENTION_STAGE, "pattern"), (choices.HIDE_FIRST, False))
        tries.append(Try("Back to the weights of one head", shown=(*plain, (choices.JOIN_WORDS, False))))
    return tries


def maths(here: Here) -> None:
    """The row, added up."""
    ui.formula(formulas.row_sum(_row(here), here.position))


def checks(here: Here) -> None:
    """The row in focus, computed once more."""
    one = here.trace.attention(here.layer, (here.position,), (here.head,))
    parts = views.projections(here.trace, here.layer, here.head, here.position)
    ui.self_check(views.self_checks(parts, one, views.is_replaced(here)))
    ui.source(activations.attend)


def try_newest(here: Here) -> Sequence[Try]:
    """The head that is surest, and the picture without the first token."""
    weights = here.trace.newest_row()[:, :, :-1]  # itself apart
    if not weights.size:
        return ()
    layer, head, key = (int(index) for index in np.unravel_index(int(weights.argmax()), weights.shape))
    tries = []
    if (layer, head) != (here.layer, here.head):
        said = f"The largest weight goes to {code(here.tokens[key])}, in layer {layer}, head {head}. Is it alone?"
        tries.append(Try(said, {"layer": layer, "head": head}))
    if not state.chosen(choices.HIDE_FIRST):
        tries.append(Try("Hide the first token. What comes out?", shown=((choices.HIDE_FIRST, True),)))
    else:
        tries.append(Try("Show the first token again", shown=((choices.HIDE_FIRST, False),)))
    return tries


def says_newest(here: Here) -> str:
    """What the newest token attends to, over all heads."""
    weights = here.trace.newest_row()
    mean = weights.mean((0, 1))
    if len(here.ids) == 1:
        return f"The next token is predicted at {code(here.tokens[-1])}, the only token: every head gives it all of its weight."
    hidden = state.chosen(choices.HIDE_FIRST)
    best = int(mean[1:].argmax()) + 1 if hidden else int(mean.argmax())
    where = f"{code(here.tokens[best])} ({best})" if best != len(here.ids) - 1 else "itself"
    return (
        f"The next token is predicted at {code(here.tokens[-1])} alone; what it knows of the others, its heads have brought. "
        f"Over all heads{', the first token apart' if hidden else ''}, the largest share goes to {where}: on average "
        f"**{percent(float(mean[best]))}**."
    )


def _in_one_sentence(here: Here) -> str:
    said = (
        "Attention is how a token takes over what it needs from the tokens before it, more from some and less from others; nothing else in "
        "the model carries anything from one token to another."
    )
    if len(here.ids) == 1:
        return f"{said} Here there is one token, which has only itself to look at."
    mean = here.trace.newest_row().mean((0, 1))
    best = int(mean.argmax())
    return (
        f"{said} Over all heads, {code(here.tokens[-1])}, the newest token here, gives most to {_named(here, best, len(here.ids) - 1)}: "
        f"{percent(float(mean[best]))}."
    )


def _why_empty(here: Here) -> str:
    n = len(here.ids)
    masked = (
        f"Of {n} × {n} = {n * n:,} pairs of tokens here, {n * (n - 1) // 2:,} would attend to a later token. "
        if n > 1
        else "With one token there is no later one, and nothing to mask. "
    )
    return (
        f"{masked}A token attends to itself and to what stands before it: when the model writes, the later tokens do not exist yet. "
        "Their scores are set to −∞, so that softmax gives them a weight of exactly 0."
    )


def _what_a_weight_says(here: Here) -> str:
    weights = here.trace.newest_row()
    layer, head, key = (int(index) for index in np.unravel_index(int(weights.argmax()), weights.shape))
    lengths = np.linalg.norm(here.trace.attention(layer, (len(here.ids) - 1,), (head,)).v[0], axis=-1)
    return (
        f"Not by itself. The largest weight of the newest token here is {percent(float(weights.max()))}, which layer {layer}, head "
        f"{head} gives to {_named(here, key, len(here.ids) - 1)}. It says how much of that token's value this head takes: there, a vector of length "
        f"{significant(float(lengths[key]))}, and the head's longest has {significant(float(lengths.max()))}. What this does to the next "
        "token depends on the other heads and on the layers that follow, too."
    )


QUESTIONS = (
    Question("What is attention, in one sentence?", _in_one_sentence),
    Question(
        "Why is one triangle of every map empty?",
        _why_empty,
    ),
    Question(
        "Does a large weight mean that this token decided what comes next?",
        _what_a_weight_says,
    ),
)
