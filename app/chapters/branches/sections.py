"""The pictures of the branches page: the tree of what was written, and a beam search."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from app import choices, snippets, state, ui
from app.chapters.branches import views
from app.chapters.branches.views import Unwritten
from app.charts.token_tree import token_tree
from app.components.text_tree import text_tree
from app.runtime import Here
from app.runtime import here as place_now
from app.writing import markup
from app.writing.numbers import counted, fixed, percent
from gptcore.branching import BeamStep, Hypothesis, beam_search, branches

LEAST = {"0": "all", "1": "1 %", "5": "5 %", "10": "10 %"}
DROPPED = 6  # of those that a step gave up
MOST_SCORED = 16
PHASES = {"expand": "Expand", "score": "Score", "keep": "Keep"}
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


def _take(chosen: tuple[int, ...], unwritten: Unwritten, position: int | None = None) -> None:
    """Go on with this text; of those that nobody has written the others stay reachable."""
    kept = [text for text in (*state.branches(), *unwritten.texts) if text != chosen]
    state.take_branch(chosen)
    state.keep_branches(tuple(dict.fromkeys((*kept, *state.branches()))))
    state.update(position=position)


def the_tree(here: Here) -> None:
    """All texts that were written from this prompt, or that could be, and a way into each."""
    ui.filling(partial(views.offered, here, state.branches()), partial(_draw_tree, here))


def _draw_tree(here: Here, unwritten: Unwritten) -> None:
    found = views.tree(here, (*state.branches(), *unwritten.texts))
    least, n_prompt = int(state.chosen(choices.BRANCH_LEAST)) / 100, len(here.sequence.prompt)
    blocks, shown, first = views.blocks(here, found, least, n_prompt, unwritten.texts)
    if not blocks:
        ui.note("Nothing can be written after this prompt: it fills the model's context." if here.is_full else "One moment …")
        return
    title = "What could come after this prompt" if unwritten.texts else "What was written after this prompt"

    def pick(lane: int, depth: int) -> None:
        chosen = shown[lane].ids[n_prompt:]
        _take(chosen, unwritten, depth if depth < len(shown[lane].ids) - 1 else None)

    mode = ui.mode()
    ui.figure_menu(
        "branches",
        lambda: tree_frame(here, unwritten),
        lambda: token_tree(blocks, title=title, first=first, mode=mode),
        code=lambda: tree_snippet(here),
    )
    text_tree(blocks, key="branch_tree", title=title, first=first, focus=views.focus(here, blocks), on_pick=pick)
    for number, leaf in enumerate(shown):
        text = markup.escape_markdown(here.model.tokenizer.decode(leaf.ids[n_prompt:]).replace("\n", " ↵ ")[-90:])
        bits = views.bits(leaf.log_prob)
        st.button(
            f"{number + 1} · {text} · {fixed(bits, 1)} bits", key=f"branch_text_{number}", type="tertiary",
            disabled=leaf.ids == here.ids, on_click=state.guarded(_take), args=(leaf.ids[n_prompt:], unwritten),
        )  # fmt: skip
    left_out = len(views.leaves(found)) - len(shown)
    longest = max(len(leaf.ids) for leaf in shown)
    ends = (
        f" Drawn are positions {first} to {first + views.COLUMNS - 1} of {longest:,}." if longest > first + views.COLUMNS else ""
    )
    ui.note(
        f"Bits: log₂ of the probability of everything after the prompt, at temperature 1. Choose a text to bring it into view.{ends}"
        + (f" {counted(left_out, 'text')} more {'is' if left_out == 1 else 'are'} not drawn." if left_out else "")
    )


def tree_frame(here: Here, unwritten: Unwritten) -> pd.DataFrame:
    """One row a token of the tree."""
    found = views.tree(here, (*state.branches(), *unwritten.texts))
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
    left = state.branches()
    texts = list(views.texts_of(here, (*left, *views.offered(here, left).texts)))
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
    """How many texts are kept, which step is looked at, and what of it."""
    st.select_slider("Texts that are kept", ["1", "2", "4", "8"], **state.choice(choices.BEAM_WIDTH))
    st.slider("Step", 1, choices.BEAM_STEPS, **state.choice(choices.BEAM_STEP))
    st.segmented_control(
        "What the step does", list(PHASES), format_func=lambda each: PHASES[each], required=True,
        **state.choice(choices.BEAM_PHASE),
    )  # fmt: skip


def settings() -> tuple[int, int]:
    """(width, step)."""
    return int(state.chosen(choices.BEAM_WIDTH)), state.chosen(choices.BEAM_STEP)


def the_beam(whole: Here) -> None:
    """One step of the search: how the texts are gone on with, what each scores, which are kept."""
    here = whole.up_to_cursor()
    width, step = settings()
    steps = views.beam(here, width, step)
    if not steps:
        ui.note(f"The text fills the context of {here.config.context_length:,} tokens, so nothing can be searched.")
        return
    greedy = {each.kept[0].ids for each in views.beam(here, 1, step)}
    ui.figure_menu(
        "beam-search",
        lambda: beam_frame(here, steps[-1].kept + steps[-1].dropped, len(steps[-1].kept)),
        code=lambda: beam_snippet(here),
    )
    {"expand": _expand, "score": _score, "keep": _keep}[state.chosen(choices.BEAM_PHASE)](here, steps, greedy)


def _expand(here: Here, steps: list[BeamStep], greedy: set[tuple[int, ...]]) -> None:
    """Each text that was kept, and the tokens that it is gone on with."""
    scored, text_of = views.by_score(steps), here.model.tokenizer.text_of
    rows = []
    for place, text in enumerate(views.before(here, steps)):
        mine = [each for each in scored if each.parent == place]
        tokens = " ".join(f"{markup.chip(text_of(each.ids[-1]))} {percent(each.prob)}" for each in mine)
        rows.append(
            (_chips(here, text, greedy), "the model has ended it" if text.ended else f'<div class="chips">{tokens}</div>')
        )
    ui.table(("text that was kept", "its likeliest next tokens"), rows)
    ui.note(f"Step {len(steps)}, first half: each text is gone on with by as many tokens as texts are kept, {settings()[0]}.")


def _score(here: Here, steps: list[BeamStep], greedy: set[tuple[int, ...]]) -> None:
    """The score of each text: that of the text before it, and its last token's."""
    before, rows = views.before(here, steps), []
    scored = views.by_score(steps)
    for place, each in enumerate(scored[:MOST_SCORED], 1):
        so_far, whole = views.bits(before[each.parent].log_prob), views.bits(each.log_prob)
        rows.append((str(place), fixed(so_far, 2), fixed(whole - so_far, 2), fixed(whole, 2), _chips(here, each, greedy)))
    ui.table(("", "before", "last token", "score, bits", "text"), rows, numeric=(0, 1, 2, 3))
    more = len(scored) - len(rows)
    ui.note(
        f"Step {len(steps)}: the score of a text is the sum of log₂ of all its tokens' probabilities, so a text's score only ever falls."
        + (f" {more} more have lower scores." if more else "")
    )


def _keep(here: Here, steps: list[BeamStep], greedy: set[tuple[int, ...]]) -> None:
    """What stays, and what is given up."""
    kept, dropped = steps[-1].kept, steps[-1].dropped[:DROPPED]
    rows = [_row(here, each, "kept", greedy) for each in kept]
    rows += [_row(here, each, "dropped", greedy) for each in dropped]
    ui.table(("", "score, bits", "last token", "text"), rows, numeric=(1, 2))
    more, width = len(steps[-1].dropped) - len(dropped), settings()[0]
    ui.note(
        f"Step {len(steps)}: each text that was kept is gone on with by its {width} likeliest tokens; the best {width} of all stay. "
        + (f"{more} more were dropped. " if more > 0 else "")
        + "Lit: the greedy text, which always takes the likeliest token."
    )


def _chips(here: Here, each: Hypothesis, greedy: set[tuple[int, ...]]) -> str:
    """What the search has written; lit where that is the greedy text, or its beginning."""
    lit = "lit" if any(text[: len(each.ids)] == each.ids for text in greedy) else ""
    tokens = each.ids[len(here.ids) :]
    if not tokens:
        return "nothing yet"
    return f'<div class="chips">{" ".join(markup.chip(here.model.tokenizer.text_of(token), lit) for token in tokens)}</div>'


def _row(here: Here, each: Hypothesis, kind: str, greedy: set[tuple[int, ...]]) -> tuple[str, str, str, str]:
    said = f"{kind}, ended" if each.ended else kind
    return said, fixed(views.bits(each.log_prob), 2), percent(each.prob), _chips(here, each, greedy)


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
