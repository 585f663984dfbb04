"""The parts of the attention page: all heads, the head in focus with its stages, its formula, and a closer look."""

from __future__ import annotations

import math
from functools import partial
from typing import cast

import numpy as np
import streamlit as st

from app import choices, faults, picture_files, state, ui
from app.chapters.attention import formulas, views
from app.chapters.attention import heads as attention_heads
from app.chapters.attention.heads import AllHeads
from app.chapters.attention.views import AttentionMap, Matrix, Stage, Together
from app.components.map_canvas import EXACT_CELLS, Prepared, overview, prepare, token_map
from app.recent import MB, Recent
from app.runtime import Here
from app.words import word_numbers
from app.writing import markup
from app.writing.numbers import percent
from gptcore import activations
from gptcore.model import MultiHeadAttention
from gptcore.tokenizer import visible

KEYS = 12  # offered in the list beside the formula
FILLING = 0.2  # seconds between two turns of an overview that fills up
SIGNED: tuple[Stage, ...] = ("scores", "scaled", "masked")
TOGETHER: dict[Together, str] = {"one": "One head", "mean": "Mean of heads", "largest": "Maximum over heads"}
# Stage -> on the button; in the title; what a cell's value is called.
STAGES: dict[Stage, tuple[str, str, str]] = {
    "scores": ("q · k", "query times key", "q · k"),
    "scaled": ("÷ √d", "scaled by the root of the head's width", "q · k ÷ √d"),
    "masked": ("Mask", "what comes later is masked", "q · k ÷ √d"),
    "pattern": ("Softmax", "attention weights", "attention weight"),
    "read": ("× value", "weight times length of the value", "weight × length of v"),
}


_MAPS: Recent[Prepared] = Recent(32 * MB)  # ready to be drawn: some KB each for a short text, up to 0.7 MB for 1,024 tokens


def one_head(here: Here) -> None:
    """All heads small and one of them large, at any stage. What takes longest comes last: all heads."""
    with st.container(key="all_and_one"):  # one below the other where the overview would not fit
        small, large = st.columns(2, gap="medium")
    shown = shown_map(here)
    with large:
        large_map(here, shown)
        remarks(here, shown)
    with small:
        all_heads(here)


def head_checks(here: Here) -> None:
    """The head in focus against its own numbers, and its small map."""
    query, found = here.position, attention_heads.heads(here.trace)
    found.grow(here.trace)
    one = here.trace.attention(here.layer, (query,), (here.head,))
    checks = views.self_checks(views.projections(here.trace, here.layer, here.head, query), one, views.is_replaced(here))
    ui.self_check(checks + attention_heads.self_checks(here.trace, found.picture(), here.layer, here.head, query))
    ui.source(activations.attend, MultiHeadAttention)


def all_heads(here: Here) -> None:
    """Every head of every layer; a click brings one into focus. Where that takes long, it fills up while the page can be used."""
    heads = attention_heads.heads(here.trace)
    filling = heads.takes_long

    def draw() -> None:
        """As a fragment, it runs again until all layers are there."""
        heads.grow(here.trace)
        seen, focus = state.current(), (here.view.layer, here.view.head)
        if filling and (not heads.missing or (seen.layer, seen.head) != focus):
            st.rerun()  # the page once more: without a clock, or because a click, of which only a fragment heard, has moved the focus
        _overview(here, heads.picture())

    (faults.fragment(draw, run_every=FILLING) if filling else draw)()


def _overview(here: Here, found: AllHeads) -> None:
    n_layers, n_heads = found.first_token_share.shape
    title = f"All {n_layers * n_heads} heads" if n_layers * n_heads > 1 else "The only head"
    file = partial(picture_files.of_heads, found.images, found.summary, here.tokens, title, ui.mode())
    ui.figure_menu("attention-heads", lambda: attention_heads.frame(found), file)
    overview(
        found.images,
        key="attention_overview",
        title=title,
        tokens=here.tokens,
        summary=found.summary,
        focus=(here.layer, here.head),
        on_focus=lambda layer, head: state.update(layer=layer, head=head),
    )
    pooled = f"{len(here.ids):,} tokens on {found.cells} × {found.cells} cells: each shows the largest weight that it covers. "
    ui.note((pooled if found.cells < len(here.ids) else "") + (_sink(here, found) if len(here.ids) > 1 else ""))


def _sink(here: Here, found: AllHeads) -> str:
    """How much of the weight lies on the first token, and why."""
    if found.done < here.config.n_layers:
        return f"{found.done} of {here.config.n_layers} layers are computed; the others follow."
    mine, everyone = found.first_token_share[here.layer, here.head], found.first_token_share.mean()
    return (
        f"On average this head puts {percent(float(mine))} of its weight on the first token; the mean of all heads is "
        f"{percent(float(everyone))}. Both, like the mean entropy, leave out the first query, which can attend only to itself. "
        "The weights of a row must sum to 1, so weight that is not needed has to go somewhere. "
        "Where much of it lies on the first token, whatever that token is, one speaks of an attention sink."
    )


def controls(here: Here) -> None:
    """What the large map is to show."""
    together = st.segmented_control(
        "Heads of the layer", list(TOGETHER), format_func=lambda name: TOGETHER[name], required=True, wrap=True,
        label_visibility="collapsed", **state.choice(choices.ATTENTION_HEADS),
    )  # fmt: skip
    stage = st.segmented_control(
        "Stage", list(STAGES), format_func=lambda name: STAGES[name][0], required=True, wrap=True, disabled=together != "one",
        label_visibility="collapsed", **state.choice(choices.ATTENTION_STAGE),
    )  # fmt: skip
    with st.container(horizontal=True):
        st.toggle("Hide the first token", **state.choice(choices.HIDE_FIRST))
        joinable = (stage == "pattern" or together != "one") and together != "largest"
        st.toggle("Join pieces of a word", disabled=not joinable, **state.choice(choices.JOIN_WORDS))


def shown_map(here: Here) -> AttentionMap:
    """What the controls have chosen."""
    together: Together = cast(Together, state.chosen(choices.ATTENTION_HEADS))
    stage: Stage = cast(Stage, state.chosen(choices.ATTENTION_STAGE)) if together == "one" else "pattern"
    hide, join = state.chosen(choices.HIDE_FIRST), state.chosen(choices.JOIN_WORDS)
    joinable = stage == "pattern" and together != "largest"
    numbers = word_numbers([here.model.tokenizer.bytes_of(i) for i in here.ids]) if join and joinable else None
    head = here.head if together == "one" else 0  # heads taken together are one picture, whichever is in focus
    return AttentionMap(here.layer, head, together, stage, hide, None if numbers is None else tuple(numbers))


def large_map(here: Here, shown: AttentionMap, key: str = "attention_map", linked_text: bool = True) -> None:
    """The map, where wanted with its text, tied to it."""
    trace, words = here.trace, shown.words
    labels, last_of = _rows(here, words)
    whole = f"{_whose(shown)}: {STAGES[shown.stage][1]}"

    def values() -> Matrix:
        return views.map_rows(trace, shown)

    def focus(row: int, column: int | None) -> None:
        """A cell is a query and a key; a token of the text is a query, whose key is then the one with the most weight."""
        position = last_of[row]
        state.update(**here.cursor_on(position))
        state.take(choices.ATTENTION_KEY, -1 if column is None else last_of[column])

    ready = _MAPS.get((here.run, shown), lambda: _prepared(values(), labels, whole, shown))
    ui.figure_menu(
        key.replace("_", "-"),
        lambda: views.map_frame(values(), labels, labels, ("query", "key", STAGES[shown.stage][2])),
        partial(picture_files.of_map, ready, ui.mode()),
    )
    token_map(
        ready,
        key=key,
        row=here.position if words is None else words[here.position],
        # In a lecture the text stands in the sentence bar alone, so that the map is in view.
        linked_text=linked_text and not state.chosen(choices.LECTURE),
        row_of=lambda row: views.map_rows(trace, shown, (row,))[0],
        on_row=focus,
    )


def _rows(here: Here, words: tuple[int, ...] | None) -> tuple[list[str], list[int]]:
    """The text of each row, and its last token: of a token each, or of a word each."""
    if words is None:
        return list(here.tokens), list(range(len(here.ids)))
    pieces = [here.model.tokenizer.bytes_of(i) for i in here.ids]
    starts = [i for i, word in enumerate(words) if i == 0 or word != words[i - 1]]
    last_of = [end - 1 for end in [*starts[1:], len(words)]]
    return [visible(b"".join(pieces[start : end + 1])) for start, end in zip(starts, last_of, strict=True)], last_of


def _whose(shown: AttentionMap) -> str:
    return f"Layer {shown.layer}, " + (f"head {shown.head}" if shown.together == "one" else TOGETHER[shown.together].lower())


def _prepared(values: Matrix, labels: list[str], title: str, shown: AttentionMap) -> Prepared:
    return prepare(
        values,
        row_tokens=labels,
        col_tokens=labels,
        title=title,
        value_title=STAGES[shown.stage][2],
        unit="%" if shown.stage == "pattern" else "",
        scale="signed" if shown.stage in SIGNED else "attention",
        top=_top(values, shown),
        left_out=_left_out(shown),
    )


def _top(values: Matrix, shown: AttentionMap) -> float | None:
    """The end of the colour scale: weights run to 1, unless the first token, which often takes most of it, is hidden."""
    if (shown.stage == "pattern" and not shown.hide_first) or shown.stage in SIGNED:
        return None
    largest = float(np.nanmax(values, initial=0.0)) or 1.0
    return math.ceil(10 * largest) / 10 if shown.stage == "pattern" else largest  # a legend in whole tenths


def _left_out(shown: AttentionMap) -> str:
    if shown.stage in ("scores", "scaled"):
        return "hidden"
    later = {"masked": "−∞, it comes later"}.get(shown.stage, "not seen, it comes later")
    return f"hidden, or {later}" if shown.hide_first else later


def remarks(here: Here, shown: AttentionMap) -> None:
    """What must be said of the large map: joined words, a hidden column, length."""
    n_rows, said = len(here.ids) if shown.words is None else shown.words[-1] + 1, []
    if shown.words is not None:
        said.append(
            "Pieces of a word are joined: the weights on the pieces are added, the rows of its pieces are averaged. A row still sums to 1."
        )
    if shown.hide_first:
        first = "word" if shown.words is not None else "token"
        said.append(
            f"The first {first} is left blank. The other values stay as they are, nothing is shared out anew, so the visible part of a "
            "row of weights sums to less than 1. The colours reach up to the largest value that is left."
        )
    if n_rows**2 > EXACT_CELLS:
        said.append(
            f"At {n_rows:,} tokens a cell can be smaller than a dot of the screen: a dot then shows the strongest cell it covers, and the "
            "exact value is fetched for the row that is pointed at."
        )
    pair = "its query and its key" if shown.words is None else "the word that attends and the one that it attends to"
    ui.note(" ".join([f"Choosing a cell puts {pair} into the maths.", *said]))


def formula(here: Here) -> None:
    """The stage in view as a formula, with the numbers of the query in focus and one key, as the map has them."""
    query, shown = here.position, shown_map(here)
    row = query if shown.words is None else shown.words[query]
    weights, one = views.in_formula(here.trace, shown, here.head, row, query)
    key = _key(here, shown, row, weights)
    if shown.words is not None:
        cell = views.joined_cell(here.trace, shown, row, key)
        ui.formula(formulas.of_words(cell, shown, row, key))
        ui.note(formulas.about_words(shown, row, key))
    else:
        found = one if shown.together == "one" else here.trace.attention(here.layer, (query,))
        ui.formula(formulas.of_cell(found, shown, key))
        ui.note(formulas.NOTES[shown.stage if shown.together == "one" else shown.together])


def _key(here: Here, shown: AttentionMap, row: int, weights: np.ndarray) -> int:
    """The column that the formula is about, from its list. A choice is kept as a token: of a word, any of its pieces stands for it."""
    labels, last_of = _rows(here, shown.words)
    chosen, column_of = state.chosen(choices.ATTENTION_KEY), shown.words or range(len(here.ids))
    column = column_of[chosen] if 0 <= chosen < len(here.ids) else -1
    strongest = int(weights.argmax())
    offered = [-1 if i < 0 else chosen if i == column else last_of[i] for i in _keys_offered(weights, column)]
    key = st.selectbox(
        f"Query {markup.escape_markdown(labels[row])} ({row}) and this key",
        offered,
        format_func=lambda token: (
            f"{labels[column_of[token]]} ({column_of[token]})"
            if token >= 0
            else f"the one with the most weight: {labels[strongest]} ({strongest})"
        ),
        width=340,
        **state.choice(choices.ATTENTION_KEY, among=offered),
    )
    return strongest if key < 0 else column_of[key]


def _keys_offered(weights: np.ndarray, chosen: int) -> list[int]:
    """-1 for the key that is read most, and KEYS keys by position: those read most, and the one that was chosen, where there is one.

    Any other is a click on the map away; a list of a thousand would hold up the browser. weights: of the query in focus [key].
    """
    most = np.argsort(-weights, kind="stable")[:KEYS].tolist()
    return [-1, *sorted({*most, chosen} if 0 <= chosen < len(weights) else most)]
