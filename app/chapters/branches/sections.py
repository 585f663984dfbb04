"""The pictures of the branches page: the tree of what was written, and a beam search."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import choices, snippets, state, ui
from app.chapters.branches import views
from app.charts.token_tree import token_tree
from app.runtime import Here
from app.runtime import here as place_now
from app.writing import markup
from app.writing.numbers import fixed, percent
from gptcore.branching import Hypothesis, beam_search, branches

LEAST = {"0": "all", "1": "1 %", "5": "5 %", "10": "10 %"}
DROPPED = 6  # of those that a step gave up
MORE = 3  # texts written at once


def tree_controls(here: Here) -> None:
    """More texts, and which of them are drawn."""
    st.button(
        f"Write {MORE} more from here, with other dice", icon=":material/casino:", disabled=here.is_full,
        on_click=state.guarded(_write_more),
    )  # fmt: skip
    st.select_slider(
        "Every token at least", list(LEAST), format_func=lambda each: LEAST[each], **state.choice(choices.BRANCH_LEAST)
    )


def _write_more() -> None:
    """From the token at the cursor on; the text in view comes last, so that it stays in view."""
    here = place_now().up_to_cursor()
    n_prompt, before = len(here.sequence.prompt), state.current()
    if len(here.ids) < n_prompt:
        state.notify("Branches grow from the end of the prompt or later; put the cursor there.")
        return
    base = here.ids[n_prompt:]
    for number in range(MORE):
        seed = before.seed + 1 + number + len(state.branches())
        state.take_branch((*base, *views.written(here, seed)))
    if before.chosen:
        state.take_branch(before.chosen)


def the_tree(here: Here) -> None:
    """All texts that were written from this prompt, and a way into each."""
    found = views.tree(here, state.branches())
    least = int(state.chosen(choices.BRANCH_LEAST)) / 100
    blocks, shown, first = views.blocks(here, found, least, len(here.sequence.prompt))
    if not blocks:
        ui.note(
            "Nothing has been written after this prompt yet. Press Next token a few times, or let some texts be written here."
        )
        return
    figure = token_tree(blocks, title="What was written after this prompt", first=first, mode=ui.mode())
    ui.chart(figure, name="branches", data=lambda: tree_frame(here))
    n_prompt = len(here.sequence.prompt)
    for number, leaf in enumerate(shown):
        text = markup.escape_markdown(here.model.tokenizer.decode(leaf.ids[n_prompt:]).replace("\n", " ↵ ")[-90:])
        bits = views.bits(leaf.log_prob)
        st.button(
            f"{number + 1} · {text} · {fixed(bits, 1)} bits", key=f"branch_text_{number}", type="tertiary",
            disabled=leaf.ids == here.ids, on_click=state.guarded(state.take_branch), args=(leaf.ids[n_prompt:],),
        )  # fmt: skip
    ui.note(
        "Bits: log₂ of the probability of everything after the prompt, at temperature 1. A click makes that text the one in view."
    )


def tree_frame(here: Here) -> pd.DataFrame:
    """One row a token of the tree."""
    found = views.tree(here, state.branches())
    return pd.DataFrame(
        {
            "token_id": [branch.ids[-1] for branch in found],
            "token": [here.model.tokenizer.text_of(branch.ids[-1]) for branch in found],
            "depth": [len(branch.ids) for branch in found],
            "parent": [-1 if branch.parent is None else branch.parent for branch in found],
            "probability": [branch.prob for branch in found],
            "log_probability": [branch.log_prob for branch in found],
        }
    )


def tree_checks(here: Here) -> None:
    """The tree from a script."""
    ui.snippet(tree_snippet(here))
    ui.source(branches)


def tree_snippet(here: Here) -> str:
    """tree is that of the page."""
    start = views.root(here)
    texts = sorted({here.ids, *(start.ids + chosen for chosen in state.branches())})
    lines = [
        *snippets.model(here),
        snippets.ids(here, "prompt", start),
        f"root = model.run(prompt, {snippets.intervention(start)})",
        f"tree = gptcore.branches(model.store, root, {texts!r})",
        "for branch in tree:",
        "    print(model.tokenizer.decode(branch.ids), branch.prob)",
    ]
    return "\n".join(lines)


def beam_controls(whole: Here) -> None:
    """How many texts are kept, and which step is looked at."""
    st.select_slider("Texts that are kept", ["1", "2", "4", "8"], **state.choice(choices.BEAM_WIDTH))
    st.slider("Step", 1, choices.BEAM_STEPS, **state.choice(choices.BEAM_STEP))


def settings() -> tuple[int, int]:
    """(width, step)."""
    return int(state.chosen(choices.BEAM_WIDTH)), state.chosen(choices.BEAM_STEP)


def the_beam(whole: Here) -> None:
    """One step: what was kept, what was dropped."""
    here = whole.up_to_cursor()
    width, step = settings()
    steps = views.beam(here, width, step)
    if not steps:
        ui.note(f"The text fills the context of {here.config.context_length:,} tokens, so nothing can be searched.")
        return
    greedy = {each.kept[0].ids for each in views.beam(here, 1, step)}
    kept, dropped = steps[-1].kept, steps[-1].dropped[:DROPPED]
    rows = [_row(here, each, "kept", each.ids in greedy) for each in kept]
    rows += [_row(here, each, "dropped", each.ids in greedy) for each in dropped]
    ui.table(("", "score, bits", "last token", "text"), rows, numeric=(1, 2))
    more = len(steps[-1].dropped) - len(dropped)
    ui.note(
        f"Step {len(steps)}: each text that was kept is gone on with by its {width} likeliest tokens; the best {width} of all stay. "
        + (f"{more} more were dropped. " if more > 0 else "")
        + "Lit: the greedy text, which always takes the likeliest token."
    )
    ui.export_menu("beam-search", lambda: beam_frame(here, steps[-1].kept + steps[-1].dropped, len(steps[-1].kept)))


def _row(here: Here, each: Hypothesis, kind: str, is_greedy: bool) -> tuple[str, str, str, str]:
    n_text = len(here.ids)
    chips = " ".join(markup.chip(here.model.tokenizer.text_of(token), "lit" if is_greedy else "") for token in each.ids[n_text:])
    said = f"{kind}, ended" if each.ended else kind
    return said, fixed(views.bits(each.log_prob), 2), percent(each.prob), f'<div class="chips">{chips}</div>'


def beam_frame(here: Here, found: tuple[Hypothesis, ...], n_kept: int) -> pd.DataFrame:
    """One row a text that was scored."""
    return pd.DataFrame(
        {
            "kept": [place < n_kept for place in range(len(found))],
            "text": [here.model.tokenizer.decode(each.ids[len(here.ids) :]) for each in found],
            "score_bits": [views.bits(each.log_prob) for each in found],
            "probability_of_last": [each.prob for each in found],
        }
    )


def beam_checks(whole: Here) -> None:
    """The score again; the search from a script."""
    here = whole.up_to_cursor()
    ui.self_check(views.check_score(here, views.beam(here, *settings())))
    ui.snippet(beam_snippet(here))
    ui.source(beam_search)


def beam_snippet(here: Here) -> str:
    """steps are those of the page."""
    width, step = settings()
    lines = [
        *snippets.model(here),
        snippets.ids(here),
        f"steps = list(gptcore.beam_search(model, ids, {width}, {step}, {snippets.intervention(here.run)}))",
        "for text in steps[-1].kept:",
        "    print(text.log_prob, model.tokenizer.decode(text.ids))",
    ]
    return "\n".join(lines)
