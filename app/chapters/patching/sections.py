"""The pictures of the patching page: two texts aligned, the map of what comes over, one cell and its cone, the heads."""

from __future__ import annotations

from functools import partial
from typing import cast

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, snippets, state, tellings, ui, windows
from app.asked import probabilities
from app.chapters.patching import views
from app.chapters.patching.views import PatchedCells, TwoTexts
from app.charts import Figure, grouped_bars, heatmap
from app.components.map_canvas import token_map
from app.runtime import Here, trace
from app.writing import markup
from app.writing.numbers import counted, significant
from gptcore import patching
from gptcore.errors import GPTCoreError
from gptcore.model import check_length
from gptcore.patching import MapSite

SITES: dict[MapSite, str] = {"resid_pre": "Residual stream", "attn_out": "Attention", "mlp_out": "Feed-forward"}
DIRECTIONS = {"into": "the other text into this one", "from": "this text into the other one"}
AROUND = 12  # tokens on either side of a difference that are shown of a long text


def site() -> MapSite:
    """Which cells are exchanged."""
    return cast(MapSite, state.chosen(choices.PATCH_SITE))


def other_ids(here: Here) -> tuple[int, ...]:
    """The other text: the visitor's, the beat's, or this one with one token exchanged.

    Raises GPTCoreError for one that this model cannot take.
    """
    text = state.chosen(choices.PATCH_OTHER)
    if not text and here.view.prompt == tellings.PATCHING and not here.view.chosen:
        text = tellings.PATCHING_OTHER
    if not text:
        return views.another(here)
    ids = here.model.tokenizer.encode(text)
    check_length(len(ids), here.config.context_length)
    return ids


def texts(here: Here) -> TwoTexts:
    """Both runs, in the direction that was chosen. Raises GPTCoreError as `other_ids`."""
    return views.two_texts(here, other_ids(here), cast(views.Direction, state.chosen(choices.PATCH_DIRECTION)))


def usable(here: Here) -> TwoTexts | str:
    """Both runs, or in whole sentences why nothing can be patched."""
    try:
        found = texts(here)
    except GPTCoreError as error:
        return f"The other text cannot be used: {markup.escape_markdown(str(error))}"
    if not found.are_of_one_length:
        mine, theirs = len(here.ids), len(other_ids(here))
        longer = "This text" if mine > theirs else "The other text"
        return (
            f"This text has {counted(mine, 'token')}, the other {theirs:,}. A patch takes a cell to the same position, so both need as "
            f"many. {longer} is longer; exchange a word for one of as many tokens, or take one of the texts that are offered."
        )
    if found.first_difference == len(here.ids):
        return "The two texts are the same, so there is nothing to carry over. Change a word in the other one."
    return found


def controls(whole: Here) -> None:
    """The other text, the direction, and which cells are exchanged."""
    here = whole.up_to_cursor()
    st.text_area(
        "The other text", height=92, max_chars=choices.LONGEST_IN_LINK,
        placeholder="Empty: this text with one token exchanged", **state.choice(choices.PATCH_OTHER),
    )  # fmt: skip
    st.selectbox("Patch", list(DIRECTIONS), format_func=lambda each: DIRECTIONS[each], **state.choice(choices.PATCH_DIRECTION))
    if state.chosen(choices.PATCHING_PART) != "heads":
        st.selectbox("Cells of", list(SITES), format_func=lambda each: SITES[each], **state.choice(choices.PATCH_SITE))
    if here.view.intervention is not None:
        ui.note("Here both texts run with everything on, whatever is switched off or patched elsewhere.")


def aligned(here: Here) -> None:
    """Both texts, the stretches in which they differ lit."""
    try:
        mine, theirs = here.ids, other_ids(here)
    except GPTCoreError:
        return
    rows = []
    stretches = patching.align(mine, theirs)
    first = next((found.a[0] for found in stretches if found.kind != "equal"), 0)
    for name, ids, side in (("this text", mine, 0), ("the other text", theirs, 1)):
        lit = {n for found in stretches if found.kind != "equal" for n in range(*(found.a, found.b)[side])}
        shown = range(max(0, first - AROUND), min(len(ids), first + 2 * AROUND)) if len(ids) > 3 * AROUND else range(len(ids))
        chips = " ".join(markup.chip(here.model.tokenizer.text_of(ids[n]), "lit" if n in lit else "") for n in shown)
        ends = ("… " if shown and shown[0] else "", " …" if len(shown) < len(ids) and shown[-1] < len(ids) - 1 else "")
        rows.append((name, f'<div class="chips">{ends[0]}{chips}{ends[1]}</div>', f"{len(ids):,}"))
    ui.table(("", "text", "tokens"), rows, numeric=(2,))


def the_map(whole: Here) -> None:
    """Both texts, and the map, which fills where it takes long."""
    here = whole.up_to_cursor()
    aligned(here)
    found = usable(here)
    if isinstance(found, str):
        _offer(here)
        return
    ui.filling(partial(views.cells, here, found, site(), focus=in_focus()), partial(_draw, here, found))


def _offer(here: Here) -> None:
    """Texts of one length: this one, with one token exchanged for what the model held likely in its place."""
    try:
        theirs = other_ids(here)
    except GPTCoreError:
        theirs = ()
    found = [each.a[0] for each in patching.align(here.ids, theirs) if each.kind != "equal"]
    place = min(max(1, found[0] if found else 1), len(here.ids) - 1)
    if len(here.ids) < 2:
        return
    st.caption(f"Other texts of {counted(len(here.ids), 'token')}: another token in place of {markup.code(here.tokens[place])}.")
    with st.container(horizontal=True, gap="small"):
        for number, token in enumerate(views.substitutes(here, here.ids, place)):
            text = here.model.tokenizer.decode((*here.ids[:place], token, *here.ids[place + 1 :]))
            st.button(
                markup.code(here.model.tokenizer.text_of(token)), key=f"substitute_{number}",
                on_click=state.guarded(state.take), args=(choices.PATCH_OTHER, text),
            )  # fmt: skip


def in_focus() -> int:
    """The position that was chosen, -1 for none."""
    return int(state.chosen(choices.PATCH_POSITION))


def focus(here: Here, found: TwoTexts) -> tuple[int, int]:
    """(layer, position) of the cell in focus: the chosen one, else where the last position first carries most."""
    n_rows = here.config.n_layers + (site() == "resid_pre")
    shown = views.cells(here, found, site(), 0, in_focus())
    layer, position = state.chosen(choices.PATCH_LAYER), in_focus()
    if 0 <= layer < n_rows and position in shown.positions:
        return layer, position
    start = views.hand_over(shown) if shown.positions[-1] == len(found.into.ids) - 1 else None
    if start is not None:
        return start, shown.positions[-1]
    strength = np.nan_to_num(np.abs(shown.effect))
    best = divmod(int(strength.argmax()), strength.shape[1])
    return best[0], shown.positions[best[1]]


def _draw(here: Here, found: TwoTexts, shown: PatchedCells) -> None:
    names = [here.model.tokenizer.text_of(found.into.ids[position]) for position in shown.positions]
    layer, position = focus(here, found)
    asked, last = views.metric(found), here.config.n_layers
    rows = [str(row) for row in range(len(shown.effect))]
    if site() == "resid_pre":
        rows[-1] = "end"

    def pick(row: int, column: int | None) -> None:
        if column is not None:
            state.take(choices.PATCH_LAYER, row)
            state.take(choices.PATCH_POSITION, shown.positions[column])

    facts = [
        [
            f"At position {place}; {significant(effect)} of {significant(shown.after - shown.before)} logits."
            for place, effect in zip(shown.positions, line, strict=True)
        ]
        for line in shown.effect.tolist()
    ]
    ui.figure_menu(
        "patch-map",
        lambda: map_frame(here, found, shown),
        lambda: _figure(here, shown, names, rows),
        code=lambda: snippet(here, found),
    )
    token_map(
        shown.recovered, key="patch_map", row=layer, column=shown.positions.index(position), row_tokens=rows, col_tokens=names,
        title=f"What comes over: {_quoted(here, asked.target)} against {_quoted(here, asked.rival)}",
        row_title="before block" if site() == "resid_pre" else "layer", col_title="position that is patched",
        value_title="share of the difference", unit="%", scale="signed", top=1.0, left_out="still being computed",
        row_positions=False, col_positions=False, facts=facts, on_row=pick,
    )  # fmt: skip
    _turning(found, shown.positions)
    first = "The first row is the same as typing the other word. " if site() == "resid_pre" else ""
    same = "" if len(shown.positions) == len(found.into.ids) else (
        f"Before position {found.first_difference} both texts are the same, and nothing there can come over. "
    )  # fmt: skip
    ui.note(
        f"{first}0 % is the text as it is, 100 % the other text's logit difference; more, and less than 0, is possible. "
        f"{same}A click on a cell patches it: the next beat shows what becomes of the text."
        if last
        else ""
    )


def _turning(found: TwoTexts, positions: list[int]) -> None:
    """Of a long text, the way to the positions before and after."""
    go = partial(state.take, choices.PATCH_POSITION)
    windows.turning(len(found.into.ids), positions, views.can_matter(found), go)


def _token(here: Here, token: int) -> str:
    return here.model.tokenizer.text_of(token)


def _quoted(here: Here, token: int) -> str:
    return markup.quoted(_token(here, token))


def map_frame(here: Here, found: TwoTexts, shown: PatchedCells) -> pd.DataFrame:
    """One row a cell."""
    asked, n_columns = views.metric(found), len(shown.positions)
    return pd.DataFrame(
        {
            "layer": np.repeat(np.arange(len(shown.effect)), n_columns),
            "position": np.tile(shown.positions, len(shown.effect)),
            "token": np.tile([_token(here, found.into.ids[position]) for position in shown.positions], len(shown.effect)),
            "target": asked.target,
            "rival": asked.rival,
            "site": site(),
            "effect_logits": shown.effect.ravel(),
            "recovered": shown.recovered.ravel(),
        }
    )


def _figure(here: Here, shown: PatchedCells, names: list[str], rows: list[str]) -> Figure:
    return heatmap(
        shown.recovered, row_tokens=rows, col_tokens=names, title="What comes over", row_title="layer", col_title="position",
        value_title="share of the difference", unit="%", scale="signed", top=1.0, row_positions=False, mode=ui.mode(),
    )  # fmt: skip


def one_cell(whole: Here) -> None:
    """The candidates unpatched, patched, and of the source; what the patch reaches."""
    here = whole.up_to_cursor()
    found = usable(here)
    if isinstance(found, str):
        aligned(here)
        _offer(here)
        return
    layer, position = focus(here, found)
    patched = found.cell(layer, position, site())
    probs = [probabilities(trace(run).logits) for run in (found.into, patched, found.source)]
    best = {int(token) for each in probs for token in np.argsort(-each, kind="stable")[:4]}
    order = sorted(best, key=lambda token: (-probs[2][token], token))
    series = {name: each[order] for name, each in zip(("unpatched", "patched", "the source"), probs, strict=True)}
    figure = grouped_bars(
        series, labels=[_token(here, token) for token in order],
        title=f"The next token, with the cell at {_quoted(here, found.into.ids[position])}, layer {layer}, patched",
        value_title="probability", unit="%", stages=("reference", "probability", "ablation"), most_ticks=5, mode=ui.mode(),
    )  # fmt: skip
    data = pd.DataFrame({"token_id": order, "token": [_token(here, token) for token in order]} | series)
    ui.chart(figure, name="patched-candidates", data=data)
    positions = views.columns(found, position)
    reached = views.cone(here, found, patched, positions).change
    names = [_token(here, found.into.ids[place]) for place in positions]
    rows = [*(str(row) for row in range(here.config.n_layers)), "end"]
    ui.figure_menu("patch-cone", lambda: pd.DataFrame(reached, columns=positions))
    token_map(
        reached, key="patch_cone", row=layer, column=positions.index(position), row_tokens=rows, col_tokens=names,
        title="What the patch reaches: its causal cone", row_title="before block", col_title="position",
        value_title="change of the residual stream", unit="%", scale="probability",
        top=float(min(1.0, reached.max(initial=0.0))) or 1.0, row_positions=False, col_positions=False,
    )  # fmt: skip
    _turning(found, positions)
    ui.note("White is exactly 0: lower layers and earlier positions cannot know of it.")
    is_open = here.view.intervention == patched.intervention
    st.button(
        "This patched run is open on all pages" if is_open else "Open the patched run on all pages",
        icon=":material/open_in_new:", disabled=is_open or state.chosen(choices.PATCH_DIRECTION) != "into" or not here.is_newest,
        on_click=state.guarded(state.update), kwargs={"intervention": patched.intervention},
    )  # fmt: skip


def the_heads(whole: Here) -> None:
    """Each head at all positions."""
    here = whole.up_to_cursor()
    found = usable(here)
    if isinstance(found, str):
        aligned(here)
        _offer(here)
        return
    ui.filling(partial(views.heads, here, found), partial(_draw_heads, here, found))


def _draw_heads(here: Here, found: TwoTexts, shown: PatchedCells) -> None:
    asked = views.metric(found)

    def pick(layer: int, head: int | None) -> None:
        if head is not None:
            state.update(layer=layer, head=head)

    facts = [[f"{significant(effect)} logits." for effect in row] for row in shown.effect.tolist()]
    largest = float(np.nanmax(np.abs(shown.recovered), initial=0.0))
    ui.figure_menu("patched-heads", lambda: pd.DataFrame(shown.effect).rename_axis("layer").reset_index())
    token_map(
        shown.recovered, key="patch_heads", row=here.layer, column=here.head,
        row_tokens=[str(layer) for layer in range(here.config.n_layers)],
        col_tokens=[str(head) for head in range(here.config.n_heads)],
        title=f"What each head brings over: {_quoted(here, asked.target)} against {_quoted(here, asked.rival)}",
        row_title="layer", col_title="head", value_title="share of the difference", unit="%", scale="signed",
        top=largest or 1.0, left_out="still being computed", row_positions=False, col_positions=False, facts=facts, on_row=pick,
    )  # fmt: skip
    ui.note("Each head's output is taken from the other text at every position, one head at a time; all else runs on.")


def map_checks(whole: Here) -> None:
    """A run of its own for the cell in focus; the same from a script; the code."""
    here = whole.up_to_cursor()
    found = usable(here)
    if not isinstance(found, str):
        ui.self_check(views.checks(here, found, site(), *focus(here, found)))
        ui.snippet(snippet(here, found))
    ui.source(patching.patch_map, patching.align)


def snippet(here: Here, found: TwoTexts) -> str:
    """shown.effect is the map, heads.effect that of the heads."""
    asked = views.metric(found)
    lines = [
        *snippets.model(here),
        snippets.ids(here, "ids", found.into),
        snippets.ids(here, "source", found.source),
        f"metric = gptcore.LogitDifference({asked.target}, {asked.rival})",
        f"shown = gptcore.patch_map(model.trace(ids), model.trace(source), metric, {site()!r})",
        "heads = gptcore.patch_heads(model.trace(ids), model.trace(source), metric)",
        "print(shown.recovered.round(2))  # [layer, position]",
    ]
    return "\n".join(lines)
