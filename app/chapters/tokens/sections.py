"""The parts of the tokens page that are about the cut: the text as chips, the merges of one piece, how other things are cut."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, faults, palette, picture_files, state, ui
from app.chapters.tokens import views
from app.choices import Choice
from app.components.token_text import TextChip, token_text
from app.recent import MB, Recent
from app.runtime import Here
from app.writing import markup
from app.writing.markup import NumberBar
from app.writing.numbers import counted, fixed
from gptcore.tokenizer import Tokenizer, visible

CHIPS = "The text as tokens"
SOURCES = {"view": "The sequence in view", "own": "A text of your own"}


def text_in_use(source: Choice[str], own: Choice[str], first: str) -> str | None:
    """None for the sequence in view, else the visitor's own text. first: "view" or "own", before anything was chosen."""
    chosen = state.chosen(source)
    return state.chosen(own) if (chosen if chosen in SOURCES else first) == "own" else None


def which_text(source: Choice[str], own: Choice[str], token: Choice[int], first: str) -> None:
    """The control that chooses the text of `text_in_use`. token: the choice of the token in focus in the own text, which another text
    drops."""
    offered = sorted(SOURCES, key=lambda name: name != first)
    chosen = st.segmented_control(
        "Which text",
        list(SOURCES),
        format_func=lambda name: SOURCES[name],
        required=True,
        label_visibility="collapsed",
        **state.choice(source, among=offered),
    )
    if chosen != "own":
        return
    tied = state.choice(own)

    def changed() -> None:
        state.take(token, -1)
        tied["on_change"]()

    text = st.text_area(
        f"Your text, at most {state.MAX_PROMPT_CHARACTERS:,} characters",
        height=110,
        max_chars=state.MAX_PROMPT_CHARACTERS,
        help="Press Ctrl and Enter, or leave the field, to take a new text. It stays here: the prompt above does not change.",
        key=tied["key"],
        on_change=state.guarded(changed),
    )
    if len(text) > choices.LONGEST_IN_LINK:
        ui.note(
            f"The text has {len(text):,} characters: a link takes at most {choices.LONGEST_IN_LINK:,}, so it stays out of the link."
        )


class Cut(NamedTuple):
    """A text's tokens (views.cut), and the first MOST_CHIPS of them as chips."""

    table: pd.DataFrame
    chips: list[TextChip]


_CUTS: Recent[Cut] = Recent(32 * MB)  # ready to be drawn: half a megabyte for 1,024 tokens


def _made(here: Here, text: str | None) -> Cut:
    table = views.cut_in_view(here) if text is None else views.cut(here.model.tokenizer, text)
    shown = table.head(views.MOST_CHIPS)
    chips = [
        TextChip(line.token, line.piece, said, note=str(line.token_id), kind="" if line.origin == "cut" else line.origin)
        for line, said in zip(shown.itertuples(), views.facts(shown), strict=True)
    ]
    return Cut(table, chips)


def cut_text(here: Here) -> tuple[str | None, Cut]:
    """The text that is cut, None for the sequence in view, and its tokens."""
    text = text_in_use(choices.CUT_SOURCE, choices.CUT_TEXT, first="view")
    of_what = (here.run, here.view.prompt) if text is None else (here.model.identity, text)
    return text, _CUTS.get(of_what, lambda: _made(here, text))


def token_in_focus(here: Here) -> int:
    """The position of the one that was picked, else of the first of the piece that was cut into most."""
    text, (table, _) = cut_text(here)
    picked = here.view.position if text is None else state.chosen(choices.CUT_TOKEN)
    return views.richest_position(table) if picked is None or picked < 0 else min(picked, len(table) - 1)


def cut_control() -> None:
    """Which text is cut."""
    which_text(choices.CUT_SOURCE, choices.CUT_TEXT, choices.CUT_TOKEN, first="view")


def cut(here: Here) -> None:
    """The text as chips."""
    text, (table, chips) = cut_text(here)
    if table.empty:
        ui.note("No text, no tokens. Type something.")
        return
    focus = token_in_focus(here)

    def on_pick(index: int) -> None:
        if text is None:
            state.update(position=index)
        else:
            state.take(choices.CUT_TOKEN, index)

    file = partial(picture_files.of_chips, chips, CHIPS, ui.mode())
    ui.figure_menu("tokens", lambda: table.assign(why=table["why"].map("".join)), file, label="Menu: the tokens")
    token_text(
        chips,
        key="cut_chips",
        label=CHIPS,
        hint="Point at a token to see its bytes and why the cut is there.",
        focus=focus if focus < len(chips) else None,
        on_pick=on_pick,
    )
    if len(table) > len(chips):
        ui.note(
            f"Drawn are the first {len(chips):,} of {len(table):,} tokens. The counts and the figure's menu (⋯) have all of them."
        )
    _remarks(here, table, text)


def cut_maths(here: Here) -> None:
    """Characters per token as a formula."""
    count = views.statistics(here.model.tokenizer, cut_text(here)[1].table)
    if count.tokens:
        ui.formula(
            rf"\rule{{0pt}}{{1.9em}} \text{{characters per token}} = \frac{{{count.characters}}}{{{count.tokens}}} "
            rf"= {fixed(count.characters_per_token, 2)}"
        )
    else:
        ui.note("There is no text here, so there is nothing to divide.")


def cut_checks(here: Here) -> None:
    """That nothing is lost, and the code."""
    text, (table, _) = cut_text(here)
    if cut_ids := table.loc[table["origin"] == "cut", "token_id"].tolist():
        ui.self_check(views.self_checks(here.model.tokenizer, here.view.prompt if text is None else text, cut_ids))
    ui.source(Tokenizer.encode, Tokenizer.pre_split, Tokenizer.tokens)


def _remarks(here: Here, table: pd.DataFrame, text: str | None) -> None:
    """The text in numbers, and what must be said of it."""
    tokenizer, limit = here.model.tokenizer, here.config.context_length
    count = views.statistics(tokenizer, table)
    if count.tokens:
        counts = ((count.characters, "character"), (count.bytes, "byte"), (count.pieces, "piece"), (count.tokens, "token"))
        ui.note(" · ".join(counted(n, name) for n, name in counts))
    if len(table) > limit:
        ui.note(f"The model takes at most {limit:,} tokens in one pass: this text is too long to be a prompt.")
    chosen = table[table["origin"] == "chosen"]
    ids = table.loc[table["bytes"] != "", "token_id"].tolist()  # special tokens are not text
    if text is None and len(chosen):
        again = len(tokenizer.encode_text(tokenizer.decode(ids)))
        ui.note(
            f"Rounded chips were chosen by the model, not cut. Written out and cut anew, the whole text is {counted(again, 'token')}"
            + ("." if again == len(ids) else f" instead of {len(ids)}: a model may choose parts that the cut would not.")
        )


def merges(here: Here) -> None:
    """The piece that the token in focus belongs to, merge by merge."""
    table = cut_text(here)[1].table
    if table.empty:
        ui.note("No text, no tokens. Type something.")
        return
    focus = token_in_focus(here)
    _merges(here.model.tokenizer, table.iloc[focus], views.piece_of(table, focus))


@faults.fragment
def _merges(tokenizer: Tokenizer, line: pd.Series, piece: str) -> None:
    """A step redraws only this."""
    if line.origin != "cut":
        ui.note(f"{''.join(line.why)} Choose a token of a prompt to step through the merges of its piece.")
        return
    if (n_bytes := len(piece.encode("utf-8", "replace"))) > views.LONGEST_STEPPED:
        ui.note(
            f"This piece has {n_bytes:,} bytes. Merges are shown for pieces of up to {views.LONGEST_STEPPED}; choose another token."
        )
        return
    steps = views.merge_steps(tokenizer, piece)
    last = len(steps) - 1
    step = st.slider("Step", 0, last, **state.choice(choices.MERGE_STEP, upper=last)) if last else 0
    left, right = st.columns([3, 2], gap="large")
    with left:
        data = steps.assign(parts=[" ".join(visible(p) for p in parts) for parts in steps["parts"]])
        ui.figure_menu("merges", data, label="Menu: the merges")
        rows = [[str(s.step), _parts(s.parts, s.index), "–" if s.rank < 0 else f"{s.rank:,}"] for s in steps.itertuples()]
        ui.bars(["Step", f"Parts of {visible(piece.encode('utf-8', 'replace'))}", "Rank of the merge"], rows, marked=step)
    with right:
        _pairs(tokenizer, steps["parts"].iloc[step], step)


def merge_maths(here: Here) -> None:
    """The rule, with the ranks at the step in view."""
    tokenizer, table = here.model.tokenizer, cut_text(here)[1].table
    if table.empty or table["origin"].iloc[token_in_focus(here)] != "cut":
        ui.note("Here nothing is merged.")
        return
    steps = views.merge_steps(tokenizer, views.piece_of(table, token_in_focus(here)))
    ranks = [str(rank) for rank in steps["rank"].iloc[1:]]
    ui.note(
        "At each step, of all neighbours that a learned merge joins, the pair with the lowest rank is joined. Ranks in order:"
    )
    ui.formula(", ".join(ranks) if ranks else r"\text{none: a single byte}")


def merge_checks(here: Here) -> None:
    """That the merges lead to the encoder's tokens, and the code."""
    cut_checks(here)
    ui.source(Tokenizer.merges)


def _parts(parts: tuple[bytes, ...], joined: int) -> str:
    chips = " ".join(markup.chip(visible(part), "lit" if i == joined else "") for i, part in enumerate(parts))
    return f'<div class="chips">{chips}</div>'


def _pairs(tokenizer: Tokenizer, parts: tuple[bytes, ...], step: int) -> None:
    """The neighbours at one step, and which of them are joined next."""
    pairs = views.neighbours(tokenizer, parts)
    if pairs.empty:
        ui.note("One part is left: the whole piece is a token.")
        return
    rows = [
        [
            f"{markup.chip(visible(p.first))} {markup.chip(visible(p.second))}",
            "no merge" if pd.isna(p.rank) else f"{p.rank:,}",
            "joined next" if p.next else "",
        ]
        for p in pairs.itertuples()
    ]
    marked = int(np.flatnonzero(pairs["next"])[0]) if pairs["next"].any() else None
    data = pairs.assign(first=pairs["first"].map(visible), second=pairs["second"].map(visible))
    ui.figure_menu("neighbours", data, label=f"Menu: the neighbours at step {step}")
    ui.bars([f"Neighbours at step {step}", "Rank", ""], rows, marked=marked)
    if marked is None:
        ui.note("No merge joins any of these neighbours, so the cut is done.")


def special_cases(here: Here) -> None:
    """Spaces, new lines, rare words, numbers and emoji, cut by the vocabulary in use."""
    tokenizer, colour = here.model.tokenizer, palette.colour("tokens", ui.mode())
    cases = views.special_cases(tokenizer)
    most = int(cases["tokens"].max())
    rows: list[list[str | NumberBar]] = [
        [
            f'<div class="chips">{markup.escape_html(case.what)}<br><code>{markup.escape_html(visible(case.text.encode("utf-8")))}</code></div>',
            f'<div class="chips">{" ".join(markup.chip(tokenizer.text_of(i)) for i in case.ids)}</div>',
            NumberBar(str(case.tokens), 0, case.tokens / most, colour),
        ]
        for case in cases.itertuples()
    ]
    ui.figure_menu("special-cases", cases.assign(ids=[" ".join(map(str, ids)) for ids in cases["ids"]]))
    ui.bars(["Text", "Its tokens", "How many"], rows)
    ui.note(
        "What the vocabulary has often seen is one token; what it has seldom seen is cut into small pieces. What it has never seen "
        "falls apart into single bytes, so that no text is ever unknown."
    )


def special_maths(here: Here) -> None:
    """Characters per token of the rare word."""
    cases = views.special_cases(here.model.tokenizer)
    rare = cases.loc[cases["what"] == "A rare word"].iloc[0]
    ui.formula(
        rf"\begin{{gathered}} \text{{characters per token,}} \\[0.4em] \text{{rare word}} = \frac{{{len(rare.text)}}}{{{rare.tokens}}} "
        rf"= {fixed(rare.characters_per_token, 2)} \end{{gathered}}"
    )


def special_checks(here: Here) -> None:
    """That nothing is lost in any of them, and the code."""
    tokenizer = here.model.tokenizer
    everything = "\n".join(views.special_cases(tokenizer)["text"])
    ui.self_check(views.self_checks(tokenizer, everything, tokenizer.encode_text(everything)))
    ui.source(Tokenizer.encode, Tokenizer.pre_split)
